//! Values to try a documented type and range with.

/// Values that a row of the page allows, and values that it does not.
pub fn probes(takes: &str) -> (Vec<String>, Vec<String>) {
    let texts = |list: &[&str]| list.iter().map(|s| (*s).to_owned()).collect::<Vec<_>>();
    let in_list = |(yes, no): (Vec<String>, Vec<String>), length: usize| {
        let list = |x: String| format!("[{}]", vec![x; length].join(", "));
        let no = no
            .into_iter()
            .map(list)
            .chain([String::from("3")])
            .collect();
        (yes.into_iter().map(list).collect(), no)
    };
    if let Some(range) = takes.strip_prefix("an integer ") {
        return integers(range);
    }
    if let Some(range) = takes.strip_prefix("a list of integers ") {
        return in_list(integers(range), 1);
    }
    if let Some(range) = takes.strip_prefix("a number ") {
        return numbers(range);
    }
    if let Some(range) = takes.strip_prefix("a list of 2 numbers, each ") {
        let (yes, mut no) = in_list(numbers(range), 2);
        no.extend(texts(&["[0.5]", "[0.5, 0.5, 0.5]"]));
        return (yes, no);
    }
    if takes.starts_with("a table of tokens") || takes.starts_with("a table of blocks") {
        return (
            texts(&["{ x = 0.5 }", "{}"]),
            texts(&["3", "{ x = \"a\" }"]),
        );
    }
    if takes.starts_with("a list of tokens") {
        return (
            texts(&["[\"a\", 1, 0.5, true]"]),
            texts(&["[]", "\"a\"", "[[1]]"]),
        );
    }
    match takes {
        "a text in quotes" | "a path in quotes" => (texts(&["\"x\""]), texts(&["\"\"", "3"])),
        "true or false" => (texts(&["true", "false"]), texts(&["1", "\"true\""])),
        words => {
            let (words, file) = match words.split_once(" or a table ") {
                Some((words, _)) => (words, Some("{ from = \"W.safetensors\" }".to_owned())),
                None => (words, None),
            };
            let words = words
                .split(" or ")
                .chain(file.as_deref())
                .map(str::to_owned)
                .collect::<Vec<_>>();
            assert!(
                words.iter().all(|word| word.starts_with(['"', '{'])),
                "{takes}"
            );
            assert!(words.len() > 1, "{takes}");
            (words, texts(&["\"zebra\"", "1"]))
        }
    }
}

fn integers(range: &str) -> (Vec<String>, Vec<String>) {
    let (min, max) = match range.strip_prefix("of at least ") {
        Some(min) => (min.parse().unwrap(), i64::MAX),
        None => {
            let (min, max) = range
                .strip_prefix("from ")
                .unwrap()
                .split_once(" to ")
                .unwrap();
            (min.parse::<i64>().unwrap(), max.parse().unwrap())
        }
    };
    let mut refused = vec![(min - 1).to_string(), "1.5".into(), "\"1\"".into()];
    refused.extend(max.checked_add(1).map(|beyond| beyond.to_string()));
    (vec![min.to_string(), max.to_string()], refused)
}

fn numbers(range: &str) -> (Vec<String>, Vec<String>) {
    let (mut allowed, mut refused) = (vec![], vec!["inf".to_owned(), "nan".into(), "\"1\"".into()]);
    let written = |x: f64| format!("{x:?}");
    for bound in range.split(" and ") {
        let end = |words: &str| bound.strip_prefix(words).map(|x| x.parse::<f64>().unwrap());
        if let Some(x) = end("of at least ") {
            allowed.push(written(x));
            refused.push(written(x - 1e-9));
        } else if let Some(x) = end("above ") {
            allowed.push(written(x + 1e-9));
            refused.push(written(x));
        } else if let Some(x) = end("at most ") {
            allowed.push(written(x));
            refused.push(written(x + 1e-9));
        } else if let Some(x) = end("below ") {
            allowed.push(written(x - 1e-9));
            refused.push(written(x));
        } else {
            panic!("{range}");
        }
    }
    if range.split(" and ").count() == 1 {
        allowed.push("1e300".into()); // nothing is said about an upper end
    }
    (allowed, refused)
}
