//! The Python package: its tests run against a wheel, in a virtual environment of their own.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// Packages that the tests need beside the package itself.
const PACKAGES: [&str; 5] = ["maturin>=1.9,<2", "pytest", "pyarrow", "pandas", "polars"];

/// Says why the tests were left out, also where the output of tests is not shown.
fn left_out(why: &str) {
    let _ = writeln!(std::io::stderr(), "the tests of the Python package are left out: {why}");
}

#[test]
fn the_package_passes_its_tests_from_a_wheel() {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("python");
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../python");
    let python = match environment(&folder) {
        Ok(python) => python,
        Err(why) => return left_out(&why),
    };
    let wheels = folder.join("wheels");
    let _ = std::fs::remove_dir_all(&wheels);
    let mut maturin = Command::new(&python);
    maturin.args(["-m", "maturin", "build", "--strip", "--profile", "dev", "--interpreter"]).arg(&python);
    maturin.arg("--manifest-path").arg(source.join("Cargo.toml")).arg("--out").arg(&wheels);
    maturin.env("CARGO_TARGET_DIR", target());
    succeeded(&maturin.output().unwrap(), "the wheel is not built");
    let wheel = std::fs::read_dir(&wheels).unwrap().next().unwrap().unwrap().path();
    let mut install = Command::new(&python);
    install.args(["-m", "pip", "install", "--quiet", "--no-deps", "--force-reinstall"]).arg(wheel);
    succeeded(&install.output().unwrap(), "the wheel is not installed");
    // Elsewhere, so that the package is the wheel's and not the folder beside the tests.
    let mut pytest = Command::new(&python);
    pytest.args(["-m", "pytest", "-q", "-p", "no:cacheprovider"]).arg(source.join("tests")).current_dir(&wheels);
    succeeded(&pytest.output().unwrap(), "tests of the package fail");
}

/// The Python of a virtual environment with what the tests need, which is made once; why there is none otherwise.
fn environment(folder: &Path) -> Result<PathBuf, String> {
    let own = folder.join("environment");
    let python = own.join(if cfg!(windows) { "Scripts/python.exe" } else { "bin/python" });
    let stamp = own.join("packages.txt");
    let wanted = PACKAGES.join("\n");
    if std::fs::read_to_string(&stamp).is_ok_and(|made| made == wanted) && python.exists() {
        return Ok(python);
    }
    let check = "import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 10))";
    let usable = |name: &&str| Command::new(name).args(["-c", check]).output().is_ok_and(|done| done.status.success());
    let Some(usual) = ["python3", "python"].into_iter().find(usable) else {
        return Err("there is no Python 3.10 or newer with venv".to_owned());
    };
    let _ = std::fs::remove_dir_all(&own);
    std::fs::create_dir_all(folder).map_err(|e| e.to_string())?;
    let made = Command::new(usual).args(["-m", "venv"]).arg(&own).output().map_err(|e| e.to_string())?;
    succeeded(&made, "no virtual environment");
    let mut install = Command::new(&python);
    install.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check"]).args(PACKAGES);
    let installed = install.output().map_err(|e| e.to_string())?;
    if !installed.status.success() {
        let said = String::from_utf8_lossy(&installed.stderr).into_owned();
        return Err(format!("what they need cannot be installed: {}", said.lines().last().unwrap_or_default()));
    }
    std::fs::write(&stamp, wanted).map_err(|e| e.to_string())?;
    Ok(python)
}

/// The folder that cargo builds into, so that the wheel shares what was compiled for these tests.
fn target() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap().to_path_buf()
}

#[track_caller]
fn succeeded(output: &Output, what: &str) {
    let said = [&output.stdout, &output.stderr].map(|bytes| String::from_utf8_lossy(bytes).into_owned());
    assert!(output.status.success(), "{what}:\n{}\n{}", said[0], said[1]);
}
