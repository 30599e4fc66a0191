//! The generators of the property tests (tests/common, tests/compiler), fed with the fuzzer's choices.
#![allow(dead_code)] // some parts are the tests' alone

#[path = "../../tests/common/case.rs"]
pub mod case;
#[path = "../../tests/common/engines.rs"]
pub mod engines;
#[path = "../../tests/common/random.rs"]
pub mod random;
#[path = "../../tests/common/random_case.rs"]
pub mod random_case;
#[path = "../../tests/compiler/random_expression.rs"]
pub mod random_expression;
#[path = "../../tests/compiler/random_source.rs"]
pub mod random_source;
#[path = "../../tests/compiler/source_check.rs"]
pub mod source_check;
#[path = "../../tests/common/synthetic.rs"]
pub mod synthetic;
