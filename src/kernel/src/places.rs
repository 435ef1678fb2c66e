//! Where a topic writes its fields: a tree of the objects that hold them.

use crate::keys::{Field, Keys, Meaning};

/// Where a topic writes its fields: the keys that lead to each, outermost first.
pub struct Places {
    pub model: Place,
    pub version: Place,
    pub timestamp: Vec<String>,
    pub features: Vec<String>,
    pub prediction: Vec<String>,
    pub label: Vec<String>,
}

pub enum Place {
    Path(Vec<String>),
    Constant(String),
}

/// An object of the event that holds fields, or leads to some.
#[derive(Default)]
pub struct Node {
    pub keys: Keys,
    /// Whether its other keys are the features.
    pub features: bool,
    /// The fields within it, at any depth.
    pub fields: Vec<Field>,
    pub features_within: bool,
}

/// The event itself.
pub const ROOT: usize = 0;

/// The objects on the way to every field, by number, and the names that are the same in every event.
pub struct Tree {
    pub nodes: Vec<Node>,
    /// The one that holds the features.
    pub features: usize,
    pub model: Option<String>,
    pub version: Option<String>,
}

impl Tree {
    pub fn new(places: Places) -> Self {
        let mut tree = Tree { nodes: vec![Node::default()], features: ROOT, model: None, version: None };
        match places.model {
            Place::Path(path) => tree.put(&path, Field::Model),
            Place::Constant(name) => tree.model = Some(name),
        }
        match places.version {
            Place::Path(path) => tree.put(&path, Field::Version),
            Place::Constant(name) => tree.version = Some(name),
        }
        tree.put(&places.timestamp, Field::Timestamp);
        tree.put(&places.prediction, Field::Prediction);
        tree.put(&places.label, Field::Label);
        tree.features = tree.node_at(&places.features, |node| node.features_within = true);
        tree.nodes[tree.features].features = true;
        tree
    }

    fn put(&mut self, path: &[String], field: Field) {
        if let Some((last, way)) = path.split_last() {
            let node = self.node_at(way, |node| node.fields.push(field));
            self.nodes[node].keys.define(last.as_bytes(), Meaning::Field(field));
        }
    }

    /// Return the node that a path leads to, and mark all nodes on the way.
    fn node_at(&mut self, path: &[String], mark: impl Fn(&mut Node)) -> usize {
        let mut node = ROOT;
        mark(&mut self.nodes[node]);
        for step in path {
            node = match self.nodes[node].keys.meaning_of(step.as_bytes()) {
                Some(Meaning::Inner(inner)) => inner,
                _ => {
                    let inner = self.nodes.len();
                    self.nodes.push(Node::default());
                    self.nodes[node].keys.define(step.as_bytes(), Meaning::Inner(inner));
                    inner
                }
            };
            mark(&mut self.nodes[node]);
        }
        node
    }
}
