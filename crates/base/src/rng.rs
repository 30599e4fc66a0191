//! The run's own random numbers: one ChaCha key per seed, one stream per purpose.
//!
//! Streams of the same seed do not overlap, so that drawing more initial values never shifts the
//! batches. A position is a number that a checkpoint stores.

use ndarray::Array2;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha12Rng;
use rand_distr::{Distribution, StandardNormal};

/// What random numbers are drawn for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// The initial `W`.
    Init = 1,
    /// The training batches.
    Batches = 2,
    /// The held-out sample of a space that is too large to enumerate.
    HeldOut = 3,
    /// The resamples of a study's confidence intervals.
    Bootstrap = 4,
    /// The pairs of inputs that interventions exchange values between.
    Interventions = 16,
    /// What the search for the smallest `d` draws.
    Shrink = 18,
    /// The resamples of seeds that a critical width's interval comes from.
    CriticalWidth = 17,
    /// What the methods that look for dictionaries draw.
    Recovery = 19,
    /// The random programs of a zoo.
    Programs = 20,
}

/// The generator of one purpose at its start.
pub fn stream(seed: u64, purpose: Purpose) -> ChaCha12Rng {
    stream_of_start(seed, purpose, 0)
}

/// The same for one of several starts of a run; start 0 has the numbers of a run without restarts.
pub fn stream_of_start(seed: u64, purpose: Purpose, start: u32) -> ChaCha12Rng {
    let mut rng = ChaCha12Rng::seed_from_u64(seed);
    rng.set_stream(purpose as u64 | u64::from(start) << 32);
    rng
}

/// A matrix with independent entries from N(0, `std`²), drawn in row-major order.
pub fn normal(rng: &mut impl Rng, shape: (usize, usize), std: f64) -> Array2<f64> {
    Array2::from_shape_simple_fn(shape, || {
        let x: f64 = StandardNormal.sample(rng);
        std * x
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::Rng;

    #[test]
    fn streams_differ_and_a_position_brings_the_numbers_back() {
        let mut batches = stream(7, Purpose::Batches);
        assert_ne!(batches.next_u64(), stream(7, Purpose::Init).next_u64());
        assert_ne!(batches.next_u64(), stream(8, Purpose::Batches).next_u64());
        let mut second = stream_of_start(7, Purpose::Batches, 1);
        assert_ne!(second.next_u64(), stream(7, Purpose::Batches).next_u64());
        let position = batches.get_word_pos();
        let expected = batches.next_u64();
        let mut resumed = stream(7, Purpose::Batches);
        resumed.set_word_pos(position);
        assert_eq!(resumed.next_u64(), expected);
    }
}
