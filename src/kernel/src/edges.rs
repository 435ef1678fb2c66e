//! The edges of a numeric column's bins, and which bin a number lies in.

const BLOCK: usize = 16;
const COARSE: usize = 8;
const LANES: usize = 4; // of which the others are multiples

/// Sorted edges in two levels: the last edge of each block but the last one, then the blocks.
///
/// Which bin a number lies in is hard to foresee, so there is no branch on it: all edges of the upper level are
/// compared with it, then all of one block, several at once.
pub struct Edges {
    coarse: [f64; COARSE],
    more_coarse: Box<[[f64; COARSE]]>,
    blocks: Box<[[f64; BLOCK]]>,
}

impl Edges {
    pub fn new(edges: &[f64]) -> Self {
        let blocks: Box<[_]> = (0..=edges.len() / BLOCK).map(|block| filled(edges, block * BLOCK)).collect();
        let lasts: Vec<f64> = blocks[..blocks.len() - 1].iter().map(|block| block[BLOCK - 1]).collect();
        let more_coarse = (1..lasts.len().div_ceil(COARSE)).map(|part| filled(&lasts, part * COARSE)).collect();
        Edges { coarse: filled(&lasts, 0), more_coarse, blocks }
    }

    /// The number of edges at or below a number, which must be finite.
    #[inline(always)]
    pub fn bin_of(&self, number: f64) -> usize {
        self.bin_within(self.block_of(number), number)
    }

    /// The block that a number lies in.
    #[inline(always)]
    pub fn block_of(&self, number: f64) -> usize {
        let more = self.more_coarse.iter().map(|lasts| at_or_below(lasts, number)).sum::<usize>();
        at_or_below(&self.coarse, number) + more
    }

    /// The bin of a number whose block is known.
    #[inline(always)]
    pub fn bin_within(&self, block: usize, number: f64) -> usize {
        block * BLOCK + at_or_below(&self.blocks[block], number)
    }
}

/// Summed in lanes, which is what vector units do best.
#[inline(always)]
fn at_or_below<const COUNT: usize>(edges: &[f64; COUNT], number: f64) -> usize {
    let mut counts = [0u64; LANES];
    for lanes in edges.as_chunks::<LANES>().0 {
        for (count, &edge) in counts.iter_mut().zip(lanes) {
            *count += if edge <= number { 1 } else { 0 };
        }
    }
    counts.iter().sum::<u64>() as usize
}

/// The edges from one on, filled up with infinities: no finite number reaches them.
fn filled<const COUNT: usize>(edges: &[f64], first: usize) -> [f64; COUNT] {
    std::array::from_fn(|at| edges.get(first + at).copied().unwrap_or(f64::INFINITY))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bin_is_the_number_of_edges_at_or_below() {
        for count in (0..40).chain([127, 128, 129, 143, 144, 300]) {
            let edges: Vec<f64> = (0..count).map(f64::from).collect();
            let made = Edges::new(&edges);
            for halves in -2..2 * count + 2 {
                let number = f64::from(halves) / 2.0;
                assert_eq!(made.bin_of(number), edges.iter().filter(|&&edge| edge <= number).count());
            }
            assert_eq!(made.bin_of(f64::MAX), edges.len());
            assert_eq!(made.bin_of(f64::MIN), 0);
        }
    }
}
