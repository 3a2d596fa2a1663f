//! The process table, read from `/proc`.

use std::{fs, io};

/// What Maestro needs of `/proc/PID/stat`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stat {
    pub(crate) pid: i32,
    pub(crate) parent: i32,
    pub(crate) group: i32,
    pub(crate) session: i32,
    /// Ended, but not reaped by its parent.
    pub(crate) zombie: bool,
    /// Clock ticks between the boot and its start.
    pub(crate) start: u64,
}

/// One process.
pub(crate) fn stat(pid: i32) -> io::Result<Stat> {
    parse(pid, &fs::read_to_string(format!("/proc/{pid}/stat"))?)
        .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "unknown form of /proc/PID/stat"))
}

/// All processes that `wanted` holds for. A process that comes or goes meanwhile may be missed.
pub(crate) fn processes(wanted: impl Fn(&Stat) -> bool) -> Vec<Stat> {
    let Ok(entries) = fs::read_dir("/proc") else {
        return Vec::new();
    };
    entries
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .filter_map(|pid| stat(pid).ok())
        .filter(wanted)
        .collect()
}

/// Changes with every boot of the machine.
pub(crate) fn boot_id() -> io::Result<String> {
    Ok(fs::read_to_string("/proc/sys/kernel/random/boot_id")?
        .trim()
        .to_owned())
}

fn parse(pid: i32, text: &str) -> Option<Stat> {
    // The program's name stands in parentheses and may contain any character, also parentheses.
    let (_, rest) = text.rsplit_once(')')?;
    let mut fields = rest.split_ascii_whitespace();
    let state = fields.next()?;
    let parent = fields.next()?.parse().ok()?;
    let group = fields.next()?.parse().ok()?;
    let session = fields.next()?.parse().ok()?;
    let start = fields.nth(15)?.parse().ok()?;
    Some(Stat {
        pid,
        parent,
        group,
        session,
        zombie: matches!(state, "Z" | "X"),
        start,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_with_parentheses_do_not_shift_fields() {
        let line = "7 (a) b) Z 2 3 4 0 -1 4194304 1 0 0 0 0 0 0 0 20 0 1 0 987654 0 0";
        let expected = Stat {
            pid: 7,
            parent: 2,
            group: 3,
            session: 4,
            zombie: true,
            start: 987_654,
        };
        assert_eq!(parse(7, line), Some(expected));
    }

    #[test]
    fn finds_this_process() {
        let me = i32::try_from(std::process::id()).unwrap();
        assert_eq!(
            processes(|process| process.pid == me),
            vec![stat(me).unwrap()]
        );
    }
}
