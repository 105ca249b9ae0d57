//! The official SDKs, installed for this tree alone and only when their lists have changed.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::process::{self, Outcome};

pub struct Sdk {
    pub python: PathBuf,
    pub node_modules: PathBuf,
}

pub fn set_up(target: &Path) -> Outcome<Sdk> {
    for program in ["python3", "node", "npm"] {
        if !process::exists(program) {
            return Err(format!("{program} is missing: the tests run the SDKs, so install it"));
        }
    }
    let source = process::root().join("tests/sdk");
    Ok(Sdk { python: python(&source, &target.join("sdk/venv"))?, node_modules: node(&source)? })
}

/// A virtual environment with `requirements.txt`, and its interpreter.
fn python(source: &Path, venv: &Path) -> Outcome<PathBuf> {
    let requirements = source.join("requirements.txt");
    let wanted = read(&requirements)?;
    let stamp = venv.join("installed.txt");
    let python = venv.join("bin/python");
    if fs::read_to_string(&stamp).is_ok_and(|installed| installed == wanted) && starts(&python) {
        return Ok(python);
    }
    println!("installing the Python SDK …");
    make_venv(venv)?;
    process::run(
        Command::new(&python)
            .args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r"])
            .arg(&requirements),
    )?;
    write(&stamp, &wanted)?;
    Ok(python)
}

/// Debian keeps the module that makes environments in a package of its own.
fn make_venv(venv: &Path) -> Outcome<()> {
    let make = || process::run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(venv));
    make().or_else(|_| {
        process::apt_install("python3-venv")?;
        make()
    })
}

fn starts(python: &Path) -> bool {
    Command::new(python).args(["-c", ""]).status().is_ok_and(|status| status.success())
}

/// `npm ci` beside the stories: a module's imports are looked up from where it stands.
fn node(source: &Path) -> Outcome<PathBuf> {
    let wanted = read(&source.join("package.json"))? + &read(&source.join("package-lock.json"))?;
    let modules = source.join("node_modules");
    let stamp = modules.join(".installed.txt");
    if fs::read_to_string(&stamp).is_ok_and(|installed| installed == wanted) {
        return Ok(modules);
    }
    println!("installing the Node SDK …");
    process::run(Command::new("npm").args(["ci", "--no-audit", "--no-fund"]).current_dir(source))?;
    write(&stamp, &wanted)?;
    Ok(modules)
}

fn read(path: &Path) -> Outcome<String> {
    fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))
}

fn write(path: &Path, text: &str) -> Outcome<()> {
    fs::write(path, text).map_err(|error| format!("{}: {error}", path.display()))
}
