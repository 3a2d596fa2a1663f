use std::collections::BTreeMap;

use maestro_domain::Digest;
use maestro_eventlog::{Audit, Chain, Copy, Finding, Link, Report, Whole};

use crate::history::{SUBJECT, commit, history, links};

const LAST: u64 = 12;

fn check(links: &[Option<Link>]) -> Vec<Finding> {
    let mut chain = Chain::new(Copy::Log);
    for (seq, link) in (1..).zip(links) {
        chain.step(seq, link.as_ref(), None);
    }
    chain.finish().1
}

fn some(links: Vec<Link>) -> Vec<Option<Link>> {
    links.into_iter().map(Some).collect()
}

fn audit(log: &[Option<Link>], journal: &[Option<Link>], signed: &[(u64, Digest)]) -> Report {
    let signed: BTreeMap<_, _> = signed.iter().copied().collect();
    let mut audit = Audit::new(log.len() as u64, Some(journal.len() as u64), signed);
    for seq in 1..=audit.end() {
        let at = usize::try_from(seq).unwrap() - 1;
        let of = |copy: &[Option<Link>]| copy.get(at).cloned().flatten();
        audit.step(seq, of(log).as_ref(), of(journal).as_ref());
    }
    audit.finish()
}

#[test]
fn a_true_chain_is_whole() {
    let whole = some(links(&history(LAST)));
    assert_eq!(check(&whole), []);
    assert_eq!(check(&[]), []);
    let report = audit(&whole, &whole, &[]);
    assert_eq!((report.whole, report.findings), (Whole::Both, vec![]));
}

#[test]
fn one_changed_byte_names_its_commit_wherever_it_is() {
    let history = history(LAST);
    // The last one is named by none: a copy or a checkpoint has to tell.
    for at in 0..history.len() - 1 {
        for byte in 0..history[at].len() {
            let mut changed = history.clone();
            changed[at][byte] ^= 1;
            let findings = check(&some(links(&changed)));
            let first = findings.first().map(Finding::seq);
            let seq = at as u64 + 1;
            // Between the last two there is no third that tells which.
            let allowed = [Some(seq), Some(seq - u64::from(seq == LAST - 1))];
            assert!(
                allowed.contains(&first),
                "byte {byte} of {seq}: {findings:?}"
            );
        }
    }
}

#[test]
fn every_commit_that_is_missing_moved_or_doubled_is_named() {
    let history = links(&history(LAST));
    for at in 0..history.len() - 1 {
        let seq = at as u64 + 1;
        let mut missing = some(history.clone());
        missing[at] = None;
        let gap = Finding::Missing {
            copy: Copy::Log,
            from: seq,
            to: seq,
        };
        assert_eq!(check(&missing), [gap]);
        let mut moved = some(history.clone());
        moved.swap(at, at + 1);
        assert_eq!(check(&moved)[0].seq(), seq);
        let mut doubled = some(history.clone());
        doubled[at + 1] = doubled[at].clone();
        assert_eq!(check(&doubled)[0].seq(), seq + 1);
    }
    let mut hole = some(history);
    hole[3..7].fill(None);
    let gap = Finding::Missing {
        copy: Copy::Log,
        from: 4,
        to: 7,
    };
    assert_eq!(check(&hole), [gap]);
}

#[test]
fn a_foreign_subject_and_a_recorded_hash_are_compared() {
    let history = history(3);
    let mut copy = some(links(&history));
    copy[1] = Some(Link::of(2, "shop.run.finished", &history[1], None));
    let subject = Finding::Subject {
        copy: Copy::Log,
        seq: 2,
    };
    assert_eq!(check(&copy), [subject]);
    let mut copy = some(links(&history));
    let written = Digest::of(b"another");
    copy[2] = Some(Link::of(3, SUBJECT, &history[2], Some(written)));
    let findings = check(&copy);
    let [
        Finding::Changed {
            seq: 3,
            written: Some(found),
            ..
        },
    ] = findings[..]
    else {
        panic!("{findings:?}");
    };
    assert_eq!(found, written);
}

#[test]
fn the_copy_that_contradicts_itself_is_the_damaged_one() {
    let history = history(LAST);
    let whole = some(links(&history));
    for at in 0..history.len() - 1 {
        let mut damaged = history.clone();
        damaged[at] = commit(at as u64 + 1, Digest::of(b"x"), "forged");
        let damaged = some(links(&damaged));
        assert_eq!(audit(&damaged, &whole, &[]).whole, Whole::Journal);
        let report = audit(&whole, &damaged, &[]);
        assert_eq!(report.whole, Whole::Log);
        let seq = at as u64 + 1;
        let differs = Finding::Differs { from: seq, to: seq };
        assert!(report.findings.contains(&differs), "{:?}", report.findings);
    }
}

#[test]
fn a_history_that_was_written_anew_is_told_by_a_checkpoint_only() {
    let history = history(LAST);
    let whole = some(links(&history));
    let signed = [(LAST, Digest::of(history.last().unwrap()))];
    let mut forged = history[..6].to_vec();
    for n in 7..=LAST {
        let prev = Digest::of(forged.last().unwrap());
        forged.push(commit(n, prev, "forged"));
    }
    let forged = some(links(&forged));
    let untold = audit(&forged, &whole, &[]);
    assert_eq!(untold.whole, Whole::Neither);
    assert_eq!(untold.findings, [Finding::Differs { from: 7, to: LAST }]);
    assert_eq!(audit(&forged, &whole, &signed).whole, Whole::Journal);
    assert_eq!(audit(&whole, &forged, &signed).whole, Whole::Log);
}

#[test]
fn an_end_that_was_cut_off_is_told_by_the_journal_or_a_checkpoint() {
    let history = history(LAST);
    let whole = some(links(&history));
    let report = audit(&whole[..8], &whole, &[]);
    let gap = Finding::Missing {
        copy: Copy::Log,
        from: 9,
        to: LAST,
    };
    assert_eq!(
        (report.whole, report.findings),
        (Whole::Journal, vec![gap.clone()])
    );
    let signed = [(LAST, Digest::of(history.last().unwrap()))];
    let report = audit(&whole[..8], &whole[..8], &signed);
    assert_eq!((report.whole, report.findings), (Whole::Neither, vec![gap]));
}

#[test]
fn a_journal_that_follows_is_not_damaged() {
    let whole = some(links(&history(LAST)));
    let report = audit(&whole, &whole[..8], &[]);
    assert_eq!(
        (report.whole, report.journal_behind),
        (Whole::Log, LAST - 8)
    );
    assert_eq!(report.findings, []);
}
