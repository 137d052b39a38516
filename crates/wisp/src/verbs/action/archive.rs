use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::{self, Cursor, Write},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use anyhow::Context;
use ignore::WalkBuilder;
use zip::{DateTime, ZipArchive, ZipWriter, write::SimpleFileOptions};

use crate::cli::Usage;

/// The file that says, in the language of `.gitignore`, what stays out of archives. Without it `.gitignore` does.
const IGNORE: &str = ".wispignore";

/// Installed dependencies: never in a repository, always in an archive.
const DEPENDENCIES: &[&str] = &["node_modules", "virtualenv"];

/// What an archive of each family contains, the surest sign first.
const SIGNS: &[(&str, &str)] = &[
    ("exec", "native"),
    ("__main__.py", "python"),
    ("package.json", "nodejs"),
    ("index.js", "nodejs"),
];

/// Packs a folder. The same content gives the same bytes, so that the server knows code it has already.
pub fn pack(folder: &Path) -> anyhow::Result<Vec<u8>> {
    let files = files(folder)?;
    if files.is_empty() {
        return Err(Usage(format!("'{}' has no files to pack", folder.display())).into());
    }
    let mut archive = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, path) in files {
        add(&mut archive, &name, &path).with_context(|| format!("'{}' cannot be packed", path.display()))?;
    }
    Ok(archive.finish()?.into_inner())
}

/// Adds files to an archive, or to none. The same content gives the same bytes.
pub fn extend(archive: Vec<u8>, files: &[(&str, Vec<u8>)]) -> anyhow::Result<Vec<u8>> {
    let mut archive = match archive.is_empty() {
        true => ZipWriter::new(Cursor::new(archive)),
        false => ZipWriter::new_append(Cursor::new(archive))?,
    };
    let options = SimpleFileOptions::default()
        .last_modified_time(DateTime::DEFAULT)
        .unix_permissions(0o644);
    for (name, content) in files {
        archive.start_file(*name, options)?;
        archive.write_all(content)?;
    }
    Ok(archive.finish()?.into_inner())
}

fn add(archive: &mut ZipWriter<Cursor<Vec<u8>>>, name: &str, path: &Path) -> anyhow::Result<()> {
    let mut file = File::open(path)?;
    let mode = if file.metadata()?.permissions().mode() & 0o100 != 0 {
        0o755
    } else {
        0o644
    };
    let options = SimpleFileOptions::default()
        .last_modified_time(DateTime::DEFAULT)
        .unix_permissions(mode);
    archive.start_file(name, options)?;
    io::copy(&mut file, archive)?;
    Ok(())
}

/// The family that an archive's files show; an error says what was looked for.
pub fn family(bytes: &[u8], path: &Path) -> Result<&'static str, String> {
    let shown = path.display();
    let archive =
        ZipArchive::new(Cursor::new(bytes)).map_err(|error| format!("'{shown}' is no zip archive: {error}"))?;
    let sign = SIGNS.iter().find(|(file, _)| archive.index_for_name(file).is_some());
    sign.map(|(_, family)| *family).ok_or_else(|| {
        let files: Vec<&str> = SIGNS.iter().map(|(file, _)| *file).collect();
        format!(
            "'{shown}' has none of {} at its top, so that its kind is not clear",
            files.join(", ")
        )
    })
}

fn files(folder: &Path) -> anyhow::Result<BTreeMap<String, PathBuf>> {
    let own = fs::exists(folder.join(IGNORE))?;
    let mut files = BTreeMap::new();
    let mut sources = WalkBuilder::new(folder);
    sources.git_ignore(!own).add_custom_ignore_filename(IGNORE);
    sources.filter_entry(|entry| entry.file_name() != ".git" && !dependency(entry.path()));
    collect(folder, &mut sources, &mut files)?;
    for name in DEPENDENCIES {
        let installed = folder.join(name);
        if installed.is_dir() {
            collect(folder, WalkBuilder::new(installed).git_ignore(false), &mut files)?;
        }
    }
    files.remove(IGNORE);
    Ok(files)
}

fn dependency(path: &Path) -> bool {
    path.is_dir()
        && path
            .file_name()
            .is_some_and(|name| DEPENDENCIES.iter().any(|known| name == *known))
}

fn collect(root: &Path, walk: &mut WalkBuilder, files: &mut BTreeMap<String, PathBuf>) -> anyhow::Result<()> {
    // Hidden files are code too; rules of folders above, of the user and of the repository are not this archive's.
    walk.hidden(false)
        .parents(false)
        .git_global(false)
        .git_exclude(false)
        .ignore(false);
    walk.require_git(false).follow_links(true);
    for entry in walk.build() {
        let entry = entry?;
        if entry.file_type().is_some_and(|kind| kind.is_file()) {
            let name = entry
                .path()
                .strip_prefix(root)?
                .to_str()
                .context("a file name is not UTF-8")?;
            files.insert(name.to_owned(), entry.path().to_owned());
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in files {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        folder
    }

    fn names(bytes: &[u8]) -> Vec<String> {
        let archive = ZipArchive::new(Cursor::new(bytes)).unwrap();
        archive.file_names().map(|name| name.unwrap().into_owned()).collect()
    }

    #[test]
    fn ignored_files_stay_out_and_dependencies_come_along() {
        let code = [
            ("index.js", "exports.main = p => p"),
            (".env", "A=1"),
            (".git/config", ""),
            ("secret.pem", ""),
            ("node_modules/a/.gitignore", "lib"),
            ("node_modules/a/lib/x.js", ""),
            (".gitignore", "node_modules\n*.pem\n"),
        ];
        let packed = pack(folder(&code).path()).unwrap();
        assert_eq!(
            names(&packed),
            [
                ".env",
                ".gitignore",
                "index.js",
                "node_modules/a/.gitignore",
                "node_modules/a/lib/x.js"
            ]
        );
        let own = [&code[..], &[(IGNORE, ".env\n")]].concat();
        let packed = pack(folder(&own).path()).unwrap();
        assert!(names(&packed).contains(&"secret.pem".to_owned()) && !names(&packed).contains(&".env".to_owned()));
        assert!(!names(&packed).contains(&IGNORE.to_owned()));
    }

    #[test]
    fn equal_folders_give_equal_archives_and_programs_stay_executable() {
        let (first, second) = (
            folder(&[("exec", "#!/bin/sh"), ("b", "2")]),
            folder(&[("b", "2"), ("exec", "#!/bin/sh")]),
        );
        for folder in [&first, &second] {
            fs::set_permissions(folder.path().join("exec"), fs::Permissions::from_mode(0o700)).unwrap();
        }
        let packed = pack(first.path()).unwrap();
        assert_eq!(packed, pack(second.path()).unwrap());
        let mut archive = ZipArchive::new(Cursor::new(&packed)).unwrap();
        assert_eq!(archive.by_name("exec").unwrap().unix_mode().unwrap() & 0o777, 0o755);
        assert_eq!(archive.by_name("b").unwrap().unix_mode().unwrap() & 0o777, 0o644);
    }

    #[test]
    fn families_show_in_the_files() {
        for (file, expected) in [
            ("exec", Some("native")),
            ("__main__.py", Some("python")),
            ("package.json", Some("nodejs")),
            ("index.js", Some("nodejs")),
            ("sub/index.js", None),
        ] {
            let packed = pack(folder(&[(file, "x")]).path()).unwrap();
            assert_eq!(family(&packed, Path::new("f")).ok(), expected, "{file}");
        }
        assert!(pack(folder(&[]).path()).unwrap_err().to_string().contains("no files"));
    }
}
