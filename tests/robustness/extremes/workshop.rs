//! Models of extreme shapes and weights, and runs on them.

use std::path::{Path, PathBuf};

use ndarray::Array2;
use serde_json::Value as Json;
use tempfile::TempDir;
use tracr::model::{CompiledModel, OutputKind, Value};

use crate::common::command::{call, compress};
use crate::common::random::seeded;
use crate::common::synthetic::{self, Shape};

/// A small shape, to be changed in one place.
pub const SMALL: Shape = Shape {
    width: 6,
    depth: 2,
    heads: 2,
    key_size: 2,
    hidden: 4,
    words: 3,
    longest: 3,
};

/// A random model of a shape whose output is a number, so that errors have a size.
pub fn numerical(seed: u64, shape: Shape) -> CompiledModel {
    let mut model = synthetic::model(&mut seeded(seed), shape);
    if model.metadata.output_kind == OutputKind::Categorical {
        model.metadata.output_kind = OutputKind::Numerical;
        model.metadata.output_encoding = None;
        model.unembed = model.unembed.slice(ndarray::s![.., ..1]).to_owned();
    }
    model
}

/// The same with `classes` classes.
pub fn categorical(seed: u64, shape: Shape, classes: usize) -> CompiledModel {
    let mut model = numerical(seed, shape);
    model.metadata.output_kind = OutputKind::Categorical;
    model.metadata.output_encoding = Some((0..classes as i64).map(Value::Int).collect());
    model.unembed = Array2::from_shape_fn((shape.width, classes), |(i, c)| {
        ((i * 7 + c * 3) % 5) as f64 - 2.0
    });
    model
}

/// Multiplies the weights of one matrix or bias of the model, the `number`-th, by `factor`; how many there are.
pub fn scale_one(model: &mut CompiledModel, number: usize, factor: f64) -> usize {
    let mut at = 0;
    let mut visit = |entries: &mut dyn Iterator<Item = &mut f64>| {
        if at == number {
            // As a float32 model file would hold them.
            entries.for_each(|x| *x = f64::from((*x * factor) as f32));
        }
        at += 1;
    };
    visit(&mut model.token_embed.iter_mut());
    visit(&mut model.pos_embed.iter_mut());
    visit(&mut model.unembed.iter_mut());
    for layer in &mut model.layers {
        for linear in [
            &mut layer.query,
            &mut layer.key,
            &mut layer.value,
            &mut layer.output,
            &mut layer.fc1,
            &mut layer.fc2,
        ] {
            visit(&mut linear.weight.iter_mut());
            visit(&mut linear.bias.iter_mut());
        }
    }
    at
}

/// Multiplies all weights.
pub fn scale_all(model: &mut CompiledModel, factor: f64) {
    let count = scale_one(model, usize::MAX, 1.0);
    for number in 0..count {
        scale_one(model, number, factor);
    }
}

/// A directory with a model and a run file.
pub struct Workshop {
    dir: TempDir,
}

/// What came of a command.
#[derive(Debug)]
pub struct Outcome {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Outcome {
    /// Whatever happened, it was no crash, and no result is shown that is non-finite.
    pub fn orderly(self) -> Self {
        let Self {
            code,
            stdout,
            stderr,
        } = &self;
        assert!(
            [0, 1, 2].contains(code),
            "exit code {code}\n{stdout}\n{stderr}"
        );
        assert!(!stderr.contains("panicked"), "{stderr}");
        assert!(!stderr.contains("error in compress itself"), "{stderr}");
        for text in ["NaN", "nan ", "inf "] {
            assert!(
                !stdout.contains(text),
                "`{text}` is shown as a result:\n{stdout}"
            );
        }
        if *code != 0 {
            assert_eq!(stderr.matches("error:").count(), 1, "{stderr}");
        }
        self
    }
}

impl Workshop {
    /// With this model and `d`; a short run of it.
    pub fn new(model: &CompiledModel, dim: usize) -> Self {
        let dir = tempfile::tempdir().unwrap();
        model.save(&dir.path().join("model.safetensors")).unwrap();
        let workshop = Self { dir };
        workshop.write(&format!(
            "path = \"model.safetensors\"\n[compression]\ndim = {dim}"
        ));
        workshop
    }

    /// With a program of the library, and `d`.
    pub fn of_program(program: &str, dim: usize) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let root = crate::common::command::root()
            .join("programs")
            .join(format!("{program}.rasp"));
        std::fs::copy(root, dir.path().join("program.rasp")).unwrap();
        let workshop = Self { dir };
        workshop.write(&format!(
            "program = \"program.rasp\"\n[compression]\ndim = {dim}"
        ));
        workshop
    }

    fn write(&self, model_and_more: &str) {
        let text = format!(
            "name = \"extreme\"\n[model]\n{model_and_more}\n[training]\nsteps = 200\nlog_every = 20\n\
             batch_size = 16\n[output]\ndir = \"out\"\n"
        );
        std::fs::write(self.path("run.toml"), text).unwrap();
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub fn root(&self) -> &Path {
        self.dir.path()
    }

    /// `compress` with these arguments, `@` in front standing for the directory.
    pub fn call(&self, arguments: &[&str]) -> Outcome {
        let place = |a: &&str| match a.strip_prefix('@') {
            Some(name) => self.path(name).display().to_string(),
            None => (*a).to_owned(),
        };
        let arguments: Vec<String> = arguments.iter().map(place).collect();
        let (code, stdout, stderr) = call(&arguments);
        Outcome {
            code,
            stdout,
            stderr,
        }
    }

    /// The run with these settings.
    pub fn run(&self, set: &[&str]) -> Outcome {
        let mut arguments = vec!["--config", "@run.toml", "--quiet", "--force"];
        for set in set {
            arguments.extend(["--set", set]);
        }
        self.call(&arguments).orderly()
    }

    /// As [`Workshop::run`], with no more than `kib` KiB of address space.
    pub fn run_within(&self, kib: u64, set: &[&str]) -> Outcome {
        let mut command = std::process::Command::new("sh");
        command
            .current_dir(self.root())
            .args(["-c", &format!("ulimit -v {kib} && exec \"$@\""), "sh"])
            .arg(compress().get_program())
            .args(["--config", "run.toml", "--quiet"]);
        for set in set {
            command.args(["--set", set]);
        }
        let output = command.output().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        Outcome {
            code: output.status.code().unwrap_or(-1),
            stdout: text(output.stdout),
            stderr: text(output.stderr),
        }
        .orderly()
    }

    pub fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).unwrap()
    }

    pub fn summary(&self) -> Json {
        serde_json::from_str(&self.read("out/summary.json")).unwrap()
    }

    /// What belongs after a run works on what it left, whatever that is: each ends in order.
    pub fn look_at_everything(&self) {
        for arguments in [
            &["analyze", "@out"][..],
            &["plot", "@out"],
            &["report", "@out"],
            &["export", "@out", "-o", "@export.safetensors"],
        ] {
            self.call(arguments).orderly();
        }
    }
}
