//! The instruction sets that kernels are compiled for, and the one that is used.
//!
//! The widest that the processor has, unless another one was asked for: by the bench, which compares them, and by
//! tests, for the bits of a result are the same with each.

use std::str::FromStr;
use std::sync::atomic::{AtomicU8, Ordering};

use pulp::{Arch, Scalar, Simd, WithSimd};

/// A set of vector instructions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum InstructionSet {
    /// What every processor of the architecture has.
    Baseline = 1,
    /// x86-64-v3: AVX2 and FMA, 16 registers of 8 float32.
    Avx2,
    /// x86-64-v4: AVX-512 F, BW, CD, DQ and VL, 32 registers of 16 float32.
    Avx512,
    /// NEON, 32 registers of 4 float32.
    Neon,
}

/// A name that none of this processor's sets has.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("this processor computes with {available}")]
pub struct UnknownInstructions {
    /// The names of those that it has.
    available: String,
}

impl FromStr for InstructionSet {
    type Err = UnknownInstructions;

    fn from_str(name: &str) -> Result<Self, UnknownInstructions> {
        let mut available = Self::ALL.into_iter().filter(|set| set.is_available());
        let names: Vec<&str> = available.clone().map(Self::name).collect();
        available
            .find(|set| set.name() == name)
            .ok_or_else(|| UnknownInstructions {
                available: names.join(" or "),
            })
    }
}

/// The set in use; 0 before it was looked for.
static USED: AtomicU8 = AtomicU8::new(0);

impl InstructionSet {
    /// All, from narrow to wide.
    pub const ALL: [Self; 4] = [Self::Baseline, Self::Neon, Self::Avx2, Self::Avx512];

    /// Its name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Baseline => "baseline",
            Self::Avx2 => "avx2",
            Self::Avx512 => "avx512",
            Self::Neon => "neon",
        }
    }

    /// Whether this processor has it.
    pub fn is_available(self) -> bool {
        self.arch().is_some()
    }

    /// The widest that this processor has.
    pub fn widest() -> Self {
        let widest = Self::ALL.into_iter().rfind(|set| set.is_available());
        widest.unwrap_or(Self::Baseline)
    }

    /// The one in use.
    pub fn used() -> Self {
        let used = USED.load(Ordering::Relaxed);
        let found = Self::ALL.into_iter().find(|set| *set as u8 == used);
        found.unwrap_or_else(|| {
            let widest = Self::widest();
            USED.store(widest as u8, Ordering::Relaxed);
            widest
        })
    }

    /// Uses it from now on, in the whole process; nothing happens where the processor lacks it.
    pub fn select(self) -> bool {
        let available = self.is_available();
        if available {
            USED.store(self as u8, Ordering::Relaxed);
        }
        available
    }

    /// What `pulp` dispatches to, where the processor has it.
    pub fn arch(self) -> Option<Arch> {
        match self {
            Self::Baseline => Some(Arch::Scalar),
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 => pulp::x86::V3::try_new().map(Arch::V3),
            #[cfg(target_arch = "x86_64")]
            Self::Avx512 => pulp::x86::V4::try_new().map(Arch::V4),
            #[cfg(target_arch = "aarch64")]
            Self::Neon => pulp::aarch64::Neon::try_new().map(Arch::Neon),
            #[allow(unreachable_patterns)] // of other architectures
            _ => None,
        }
    }
}

/// Runs a kernel with the instructions in use.
#[inline(always)]
pub(crate) fn dispatch<Op: WithSimd>(op: Op) -> Op::Output {
    match InstructionSet::used().arch() {
        #[cfg(target_arch = "x86_64")]
        Some(Arch::V4(simd)) => Simd::vectorize(simd, op),
        #[cfg(target_arch = "x86_64")]
        Some(Arch::V3(simd)) => Simd::vectorize(simd, op),
        #[cfg(target_arch = "aarch64")]
        Some(Arch::Neon(simd)) => Simd::vectorize(simd, op),
        _ => Simd::vectorize(Scalar, op),
    }
}
