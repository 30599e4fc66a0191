//! `--set`: a line for each, over a run file.
#![no_main]

use std::path::Path;

use compress_fuzz::{readable, same};
use libfuzzer_sys::fuzz_target;
use tracr_compress::config::{Assignment, ConfigError, ConfigSource, RunConfig};

const FILE: &str = "model.path = \"m.safetensors\"\ncompression.dim = 8\noutput.dir = \"runs\"\n\
                    [training]\nsteps = 100\nlearning_rate = { initial = 0.1 }\n[objective.block_weights]\n\"layer0.attn\" = 2\n";

fuzz_target!(|data: &[u8]| {
    let text = String::from_utf8_lossy(data);
    let written: Vec<&str> = text.lines().collect();
    let config = match read(&written) {
        Ok(config) => config,
        Err(error) => {
            readable(&error);
            return;
        }
    };
    // Said twice is said once.
    let twice = [&written[..], &written[..]].concat();
    same(&read(&twice).expect("the same again"), &config);
});

fn read(overrides: &[&str]) -> Result<RunConfig, ConfigError> {
    let overrides: Result<Vec<_>, _> = overrides.iter().map(|o| Assignment::parse(o)).collect();
    let source = ConfigSource::parse(Path::new("run.toml"), FILE, overrides?)?;
    RunConfig::new(&source, None)
}
