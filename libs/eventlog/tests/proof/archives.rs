use std::io::{Read as _, Write as _};

use flate2::{Compression, read::GzDecoder, write::GzEncoder};
use maestro_domain::Digest;
use maestro_eventlog::{ArchiveError, ArchiveReader, ArchiveReport, ArchiveWriter, Finding};

use crate::history::{SUBJECT, commit, history};

const LAST: u64 = 9;

fn export(commits: &[(u64, Vec<u8>)]) -> Vec<u8> {
    let mut archive = ArchiveWriter::new(Vec::new()).unwrap();
    for (seq, bytes) in commits {
        archive.commit(*seq, SUBJECT, bytes).unwrap();
    }
    archive.vault("stack.1", b"sealed").unwrap();
    archive.finish().unwrap()
}

fn numbered(commits: Vec<Vec<u8>>) -> Vec<(u64, Vec<u8>)> {
    (1..).zip(commits).collect()
}

fn whole() -> Vec<(u64, Vec<u8>)> {
    numbered(history(LAST))
}

fn verify(file: &[u8]) -> ArchiveReport {
    ArchiveReader::open(file).unwrap().verify(&[], |_| {})
}

fn first(report: &ArchiveReport) -> Option<u64> {
    report.findings.first().map(Finding::seq)
}

fn unpack(file: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    GzDecoder::new(file).read_to_end(&mut bytes).unwrap();
    bytes
}

fn pack(bytes: &[u8]) -> Vec<u8> {
    let mut out = GzEncoder::new(Vec::new(), Compression::fast());
    out.write_all(bytes).unwrap();
    out.finish().unwrap()
}

#[test]
fn what_was_written_is_whole() {
    let report = verify(&export(&whole()));
    assert!(report.is_whole(), "{report:?}");
    assert_eq!((report.export.last, report.vault), (LAST, 1));
    let last = history(LAST).pop().unwrap();
    assert_eq!(report.export.head, Digest::of(&last));
}

#[test]
fn one_edited_byte_names_its_commit() {
    let text = unpack(&export(&whole()));
    let record = |seq: u64| {
        let mark = format!(" {seq} {SUBJECT}\n");
        let found = text
            .windows(mark.len())
            .position(|at| at == mark.as_bytes());
        found.unwrap() + mark.len()
    };
    for seq in 1..=LAST {
        let (start, length) = (record(seq), history(LAST)[seq as usize - 1].len());
        for at in start..start + length {
            let mut edited = text.clone();
            edited[at] ^= 1;
            let report = verify(&pack(&edited));
            assert_eq!(first(&report), Some(seq), "byte {at}: {report:?}");
        }
    }
}

#[test]
fn an_edited_byte_outside_of_commits_is_told_too() {
    let text = unpack(&export(&whole()));
    for at in "maestro-log-export 1\n".len()..text.len() {
        let mut edited = text.clone();
        edited[at] ^= 1;
        let report = verify(&pack(&edited));
        assert!(!report.is_whole(), "byte {at}");
    }
}

#[test]
fn an_editor_who_writes_the_digests_anew_is_told_by_the_chain() {
    for at in 0..LAST as usize - 2 {
        let mut edited = whole();
        let seq = edited[at].0;
        let prev = at
            .checked_sub(1)
            .map_or(Digest::ZERO, |before| Digest::of(&edited[before].1));
        edited[at].1 = commit(seq, prev, "edited");
        assert_eq!(first(&verify(&export(&edited))), Some(seq));
    }
}

#[test]
fn deleted_moved_and_doubled_commits_are_named() {
    for at in 0..LAST as usize - 1 {
        let seq = at as u64 + 1;
        let mut deleted = whole();
        deleted.remove(at);
        assert_eq!(first(&verify(&export(&deleted))), Some(seq));
        let closed = numbered(deleted.into_iter().map(|(_, bytes)| bytes).collect());
        assert_eq!(first(&verify(&export(&closed))), Some(seq), "numbered anew");
        let mut moved = whole();
        moved.swap(at, at + 1);
        assert_eq!(first(&verify(&export(&moved))), Some(seq));
        let mut doubled = whole();
        doubled.insert(at, doubled[at].clone());
        assert_eq!(first(&verify(&export(&doubled))), Some(seq + 1));
    }
}

#[test]
fn a_file_that_is_cut_off_names_the_first_commit_that_is_missing() {
    let text = unpack(&export(&whole()));
    let mark = format!(" 5 {SUBJECT}\n");
    let fifth = text
        .windows(mark.len())
        .position(|at| at == mark.as_bytes());
    for at in [fifth.unwrap() - 30, fifth.unwrap() + 40] {
        let report = verify(&pack(&text[..at]));
        assert_eq!(first(&report), Some(5), "{report:?}");
    }
    // Before the end, but behind the last commit.
    let end = text.len() - 20;
    assert!(!verify(&pack(&text[..end])).is_whole());
    let file = export(&whole());
    for cut in 1..=12 {
        assert!(!verify(&file[..file.len() - cut]).is_whole(), "{cut} bytes");
    }
}

#[test]
fn something_else_is_refused() {
    for file in [
        &b""[..],
        b"text",
        &pack(b"text"),
        &pack(b"maestro-log-export 2\n..."),
    ] {
        let refused = ArchiveReader::open(file);
        assert!(
            matches!(refused, Err(ArchiveError::Foreign | ArchiveError::Io(_))),
            "{refused:?}"
        );
    }
}
