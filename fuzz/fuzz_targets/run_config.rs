//! Run files.
#![no_main]

use std::path::Path;

use compress_fuzz::{readable_about, same};
use libfuzzer_sys::fuzz_target;
use tracr_compress::config::{ConfigError, ConfigSource, RunConfig};

fuzz_target!(|data: &[u8]| {
    let text = String::from_utf8_lossy(data).into_owned();
    let config = match read(text) {
        Ok(config) => config,
        Err(error) => {
            readable_about("run.toml", &error);
            return;
        }
    };
    config.schedule();
    config.adamw();
    let written = config.text().expect("what was read can be written");
    let again = read(written).expect("what was written can be read");
    same(&again, &config);
    assert_eq!(again.hash(), config.hash());
});

fn read(text: String) -> Result<RunConfig, ConfigError> {
    let source = ConfigSource::parse(Path::new("run.toml"), &text, Vec::new())?;
    RunConfig::new(&source, None)
}
