//! Random sources: what compiles says what the interpreter says, the rest is refused with a reason.

use std::cell::RefCell;

use proptest::prelude::*;

use crate::choices::{choices, runner};
use crate::random_source::source;
use crate::source_check::{Counts, check};

#[test]
fn sources_say_the_same_compiled_and_interpreted_or_are_refused_with_a_reason() {
    let mut runner = runner(300);
    let counts = RefCell::new(Counts::default());
    let programs = (choices().prop_map(source), choices());
    let result = runner.run(&programs, |(source, inputs)| {
        check(&source, inputs, &mut counts.borrow_mut()).map_err(TestCaseError::fail)
    });
    result.unwrap_or_else(|failure| panic!("{failure}"));
    let counts = counts.into_inner();
    println!("{counts:#?}");
    let cases = u64::from(runner.config().cases);
    assert!(
        counts.compiled * 3 >= cases,
        "hardly any program compiles: {counts:#?}"
    );
    assert!(
        counts.positions > 4 * cases,
        "hardly anything is compared: {counts:#?}"
    );
    let excused = counts.doubted + counts.limited.values().sum::<u64>();
    assert!(
        2 * excused < counts.inputs,
        "too much is excused: {counts:#?}"
    );
}
