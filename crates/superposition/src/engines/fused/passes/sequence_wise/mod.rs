//! A small space worked through sixteen sequences at a time, from the tokens to the loss and back.
//!
//! Where attentions mix positions again and again, every sequence has to be computed by itself. One
//! [`Lanes`](crate::engines::fused::simd::Lanes) of them takes all that lies between its tokens and its gradients through the cache of the
//! core that is next to it: `network` has the whole model, `maps` and `attention` its kernels, which
//! work in tiles of a few positions, known when they are compiled. What sequences have in common is `P`:
//! a reader reads their tokens by indicators, as it reads columns, and positions as constants.
//!
//! Gradients stay lane by lane until the last sequence; only then are lanes summed.

mod attention;
mod maps;
mod members;
mod network;
mod reads;
mod step;

use pulp::Simd;

use crate::engines::fused::common::{Common, Gradients};
use crate::engines::fused::loss::Terms;
use crate::engines::fused::plan::{Plan, Tokens};
use crate::engines::fused::simd::{Precision, kernels};
use crate::inputs::InputSpace;
use crate::teacher::Targets;
use members::Members;
use network::Network;

/// All that this way of computing needs.
#[derive(Debug)]
pub struct SequenceWise<F> {
    members: Members<F>,
    network: Network<F>,
}

impl<F: Precision> SequenceWise<F> {
    /// For a plan that has chosen it, on a space whose targets are kept. `counts` says for which tokens the
    /// output counts.
    pub fn new(
        plan: &Plan,
        space: &InputSpace,
        targets: &Targets,
        counts: impl Fn(usize) -> bool,
    ) -> Self {
        let network = Network::new(plan, Tokens::new(plan), &counts);
        let tokens = (space, network.tokens());
        Self {
            members: Members::new(plan, tokens, network.length(), targets, &counts),
            network,
        }
    }

    /// The positions of a batch at which the output counts.
    pub fn counted(&self, members: &[u64]) -> f64 {
        self.members.counted(members)
    }

    /// The losses of a batch and their gradients, from `P` to `dL/dP`.
    pub fn run(
        &mut self,
        common: &Common<F>,
        members: &[u64],
        terms: Terms<'_>,
        gradients: &mut Gradients<F>,
    ) {
        self.members.load(members);
        self.network.begin(&common.folded);
        all(&self.members, terms, &mut self.network);
        let (output, layers) = self.network.end(&mut gradients.folded);
        gradients.loss.output = output;
        gradients.loss.layers = layers;
    }
}

kernels! {
    /// All sequences of the batch.
    fn all<'a, F>(
        members: &'a Members<F>,
        terms: Terms<'a>,
        network: &'a mut Network<F>,
    ) {
        match network.tiles() {
            SHORT if S::F32_LANES > 1 && size_of::<F>() == size_of::<f32>() => {
                each::<S, F, SHORT>(members, terms, network);
            }
            _ => each::<S, F, 0>(members, terms, network),
        }
    }
}

/// Tiles of most programs' inputs, for which the kernels of float32 in vector instructions are compiled apart.
const SHORT: usize = 2;

#[inline(always)]
fn each<S: Simd, F: Precision, const K: usize>(
    members: &Members<F>,
    terms: Terms<'_>,
    network: &mut Network<F>,
) {
    for sixteen in members.sixteens() {
        members.write(sixteen, network.loaded());
        network.take::<K>(members.occurrences(sixteen));
        network.forward::<S, K>();
        network.backward::<S, K>(terms);
    }
}
