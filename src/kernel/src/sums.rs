//! The sums of one monitor and window, in as little room as its events allow, and their wire form (values.layout).

/// Up to so many events what they counted is kept as a list: far smaller than all the bins of a profile.
const FEW: u64 = 32;

/// Each column owns a run `[n, missing, invalid, unseen, bin 0, …]`.
pub const HEADER: usize = 4;
pub const N: usize = 0;
pub const MISSING: usize = 1;
pub const INVALID: usize = 2;
pub const UNSEEN: usize = 3;

/// What takes counts, by their position in the vector of sums.
pub trait Counts {
    fn add_one(&mut self, position: usize);
}

impl Counts for Vec<u32> {
    fn add_one(&mut self, position: usize) {
        self.push(position as u32);
    }
}

impl Counts for [u64] {
    #[inline]
    fn add_one(&mut self, position: usize) {
        self[position] += 1;
    }
}

pub enum Sums {
    /// The positions that were counted, each as often as it was.
    Few(Vec<u32>),
    Many(Box<[u64]>),
}

impl Default for Sums {
    fn default() -> Self {
        Sums::Few(Vec::new())
    }
}

impl Sums {
    /// Make room for one event more than there were, of a vector of this size.
    #[inline]
    pub fn prepare(&mut self, events: u64, size: usize, columns: usize) {
        if let Sums::Few(positions) = self {
            if events < FEW {
                positions.reserve_exact(2 * columns);
            } else {
                *self = Sums::Many(dense(positions, size));
            }
        }
    }

    /// Return the whole vector.
    pub fn to_dense(&self, size: usize) -> Box<[u64]> {
        match self {
            Sums::Few(positions) => dense(positions, size),
            Sums::Many(sums) => sums.clone(),
        }
    }

    /// Let go of the room that was made and not used.
    pub fn shrink(&mut self) {
        if let Sums::Few(positions) = self {
            positions.shrink_to_fit();
        }
    }
}

fn dense(positions: &[u32], size: usize) -> Box<[u64]> {
    let mut sums = vec![0; size].into_boxed_slice();
    for &position in positions {
        sums[position as usize] += 1;
    }
    sums
}

const SPARSE: u8 = 16;
const SIZE_BYTES: usize = 4;

/// Write a vector to its wire form: the numbers in the least width that holds them all, all of them or only those
/// that are not 0, whichever is shorter.
pub fn to_wire(sums: &[u64]) -> Vec<u8> {
    let filled = sums.iter().filter(|&&number| number > 0).count();
    let width = width_of(sums.iter().copied().max().unwrap_or(0));
    let place = width_of(sums.len() as u64);
    if SIZE_BYTES + filled * (place + width) >= sums.len() * width {
        let mut wire = Vec::with_capacity(1 + sums.len() * width);
        wire.push(width as u8);
        sums.iter().for_each(|&number| put(&mut wire, number, width));
        return wire;
    }
    let mut wire = Vec::with_capacity(1 + SIZE_BYTES + filled * (place + width));
    wire.push(SPARSE + width as u8);
    put(&mut wire, sums.len() as u64, SIZE_BYTES);
    let numbers = || sums.iter().enumerate().filter(|&(_, &number)| number > 0);
    numbers().for_each(|(position, _)| put(&mut wire, position as u64, place));
    numbers().for_each(|(_, &number)| put(&mut wire, number, width));
    wire
}

fn put(wire: &mut Vec<u8>, number: u64, width: usize) {
    wire.extend_from_slice(&number.to_le_bytes()[..width]);
}

fn width_of(greatest: u64) -> usize {
    match greatest {
        0..=0xff => 1,
        0x100..=0xffff => 2,
        0x1_0000..=0xffff_ffff => 4,
        _ => 8,
    }
}
