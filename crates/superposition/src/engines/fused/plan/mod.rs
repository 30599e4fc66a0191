//! What there is to compute, found once from the weights and the input space.
//!
//! A *source* is a row that writes to the stream: a token's embedding, a position's embedding, or one
//! live column of a block's output. A *reader* is the frozen matrix in front of a block (the query,
//! key and value columns of all its heads, or its hidden units) or the unembedding. Stacked as `S`
//! and `M`, all that a step needs of `W` is `P = S·G·M` for each reader: how strongly it reads each
//! source.
//!
//! Left out, because they never contribute: blocks and columns that write nothing, heads whose
//! values are not read, query and key dimensions of which one side is zero, hidden units that are
//! zero or not read.

mod alive;
mod build;
mod costs;
mod describe;
mod estimate;
mod grouping;
mod head;
mod parts;
mod tokens;

pub use grouping::{Group, Grouping, MOST_GROUPS};
pub use head::Head;
pub use parts::{Block, Domain, Expansion, Method, Pass, Plan, Reader, SparseRow, WIDE, Work};
pub use tokens::Tokens;
