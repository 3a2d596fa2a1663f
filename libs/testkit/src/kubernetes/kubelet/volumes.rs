//! Volumes as folders.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::Value;

use super::environment;
use crate::kubernetes::{
    json::{self, entries, flag, has, int, list, text},
    kind::Kind,
    state::State,
};

/// A file of a volume: where below the folder of volumes, its content, its mode.
pub(super) type File = (PathBuf, Vec<u8>, u32);

/// The files of a pod's volumes.
///
/// # Errors
/// What the pod waits for, in the kubelet's words.
pub(super) fn collect(state: &State, pod: &Value) -> Result<Vec<File>, String> {
    let mut files = Vec::new();
    for volume in list(pod, "/spec/volumes") {
        let name = text(volume, "/name");
        let folder = PathBuf::from(name);
        let failed = |why: String| format!("MountVolume.SetUp failed for volume {name:?} : {why}");
        for source in ["configMap", "secret", "downwardAPI"] {
            if has(volume, &format!("/{source}")) {
                let found = source_files(state, pod, source, &volume[source]).map_err(failed)?;
                files.extend(
                    found
                        .into_iter()
                        .map(|(path, bytes, mode)| (folder.join(path), bytes, mode)),
                );
            }
        }
        for projected in list(volume, "/projected/sources") {
            for (source, spec) in entries(projected, "") {
                let found = source_files(state, pod, source, spec).map_err(failed)?;
                files.extend(
                    found
                        .into_iter()
                        .map(|(path, bytes, mode)| (folder.join(path), bytes, mode)),
                );
            }
        }
    }
    Ok(files)
}

fn source_files(
    state: &State,
    pod: &Value,
    source: &str,
    spec: &Value,
) -> Result<Vec<File>, String> {
    let mode = int(spec, "/defaultMode")
        .and_then(|mode| u32::try_from(mode).ok())
        .unwrap_or(0o644);
    let (kind, field) = match source {
        "configMap" => (Kind::ConfigMap, "/name"),
        "secret" if has(spec, "/secretName") => (Kind::Secret, "/secretName"),
        "secret" => (Kind::Secret, "/name"),
        "downwardAPI" => {
            let items = list(spec, "/items").iter();
            let file = |item: &Value| {
                let value = environment::field(pod, text(item, "/fieldRef/fieldPath"));
                (PathBuf::from(text(item, "/path")), value.into_bytes(), mode)
            };
            return Ok(items.map(file).collect());
        }
        _ => return Ok(Vec::new()),
    };
    let name = text(spec, field);
    let Some(object) = state.get(kind, json::namespace(pod), name) else {
        if flag(spec, "/optional") {
            return Ok(Vec::new());
        }
        return Err(format!("{} {name:?} not found", kind.info().singular));
    };
    let all = data(object);
    let items = list(spec, "/items");
    if items.is_empty() {
        return Ok(all
            .into_iter()
            .map(|(key, bytes)| (PathBuf::from(key), bytes, mode))
            .collect());
    }
    items
        .iter()
        .map(|item| {
            let key = text(item, "/key");
            let found = all.iter().find(|(name, _)| name == key);
            let (_, bytes) = found.ok_or_else(|| {
                format!(
                    "references non-existent {} key: {key}",
                    kind.info().singular
                )
            })?;
            let mode = int(item, "/mode")
                .and_then(|mode| u32::try_from(mode).ok())
                .unwrap_or(mode);
            Ok((PathBuf::from(text(item, "/path")), bytes.clone(), mode))
        })
        .collect()
}

/// Keys and contents of a ConfigMap or Secret.
pub(super) fn data(object: &Value) -> Vec<(String, Vec<u8>)> {
    let secret = object["kind"] == "Secret";
    let decode = |value: &Value, encoded: bool| {
        let text = value.as_str().unwrap_or_default();
        if encoded {
            STANDARD.decode(text).unwrap_or_default()
        } else {
            text.as_bytes().to_vec()
        }
    };
    let plain = entries(object, "/data").map(|(key, value)| (key.clone(), decode(value, secret)));
    let binary =
        entries(object, "/binaryData").map(|(key, value)| (key.clone(), decode(value, true)));
    plain.chain(binary).collect()
}

/// Writes the files below `root`.
///
/// # Errors
/// Those of the file system.
pub(super) fn write(root: &Path, pod: &Value, files: Vec<File>) -> std::io::Result<()> {
    for volume in list(pod, "/spec/volumes") {
        fs::create_dir_all(root.join(text(volume, "/name")))?;
    }
    for (path, bytes, mode) in files {
        let path = root.join(path);
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        fs::write(&path, bytes)?;
        fs::set_permissions(&path, fs::Permissions::from_mode(mode))?;
    }
    Ok(())
}

/// Mount paths of a container and the folders or files behind them, longest first.
pub(super) fn mounts(root: &Path, container: &Value) -> Vec<(String, String)> {
    let mut all: Vec<_> = list(container, "/volumeMounts")
        .iter()
        .map(|mount| {
            let mut real = root.join(text(mount, "/name"));
            let sub = text(mount, "/subPath");
            if !sub.is_empty() {
                real.push(sub);
            }
            let path = text(mount, "/mountPath").trim_end_matches('/').to_owned();
            (path, real.to_string_lossy().into_owned())
        })
        .collect();
    all.sort_by_key(|(path, _)| std::cmp::Reverse(path.len()));
    all
}

/// Puts the real folders where mount paths stand.
pub(super) fn translate(value: &str, mounts: &[(String, String)]) -> String {
    if let Some((_, real)) = mounts.iter().find(|(path, _)| path == value) {
        return real.clone();
    }
    let mut out = String::new();
    let mut rest = value;
    while let Some(first) = rest.chars().next() {
        let at_start = out
            .chars()
            .last()
            .is_none_or(|before| !is_path(before) && before != '/');
        let found = mounts
            .iter()
            .filter(|(path, _)| path != "/tmp")
            .find(|(path, _)| {
                at_start
                    && rest
                        .strip_prefix(path.as_str())
                        .is_some_and(|after| after.chars().next().is_none_or(|next| !is_path(next)))
            });
        if let Some((path, real)) = found {
            out.push_str(real);
            rest = &rest[path.len()..];
        } else {
            out.push(first);
            rest = &rest[first.len_utf8()..];
        }
    }
    out
}

fn is_path(letter: char) -> bool {
    letter.is_alphanumeric() || ['-', '_', '.'].contains(&letter)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mount_paths_are_translated_where_they_are_paths() {
        let mounts = [
            ("/maestro/in".to_owned(), "/x/in".to_owned()),
            ("/tmp".to_owned(), "/x/tmp".to_owned()),
        ];
        let cases = [
            ("cat /maestro/in/prompt.txt", "cat /x/in/prompt.txt"),
            ("/maestro/in", "/x/in"),
            (
                "/maestro/input /a/maestro/in",
                "/maestro/input /a/maestro/in",
            ),
            ("/tmp", "/x/tmp"),
            ("/tmp/a", "/tmp/a"),
        ];
        for (given, expected) in cases {
            assert_eq!(translate(given, &mounts), expected);
        }
    }
}
