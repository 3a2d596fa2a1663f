//! What is kept of output.

use super::{
    Ended, Laboratory, Work,
    work::{gate, open},
};

/// Output is there while the execution goes on.
pub(super) async fn follow<L: Laboratory>(lab: &L) {
    let executor = lab.executor().await;
    let work = Work::script(lab, &format!("echo early; {}; echo late", gate(lab)));
    let id = work.id.clone();
    let run = lab.submit(work).await;
    lab.shows(&run, "early").await;
    assert!(lab.ends(&run).is_empty());
    open(lab, &[id]);
    assert_eq!(lab.ended(&run).await, Ended::Exited(0));
    assert_eq!(lab.output(&run).await.stdout, b"early\nlate\n");
    lab.stop(executor).await;
}

/// Bytes are kept as they are: colours, carriage returns, what is no UTF-8, no last line end.
pub(super) async fn ansi<L: Laboratory>(lab: &L) {
    let executor = lab.executor().await;
    let run = lab
        .submit(Work::script(
            lab,
            "printf '\\033[31mred\\033[0m\\r50%%\\r100%%\\n\\377\\000end'",
        ))
        .await;
    assert_eq!(lab.ended(&run).await, Ended::Exited(0));
    assert_eq!(
        lab.output(&run).await.stdout,
        b"\x1b[31mred\x1b[0m\r50%\r100%\n\xff\0end"
    );
    lab.stop(executor).await;
}

/// Values of the execution's variables are not shown.
pub(super) async fn masking<L: Laboratory>(lab: &L) {
    let executor = lab.executor().await;
    let secret = "correct-horse-battery-staple";
    let script = "echo \"token: $TOKEN.\"; printf 'correct-horse-'; sleep 0.2; echo battery-staple; echo done";
    let run = lab
        .submit(Work::script(lab, script).with("TOKEN", secret))
        .await;
    assert_eq!(lab.ended(&run).await, Ended::Exited(0));
    let text = String::from_utf8(lab.output(&run).await.stdout).expect("text");
    assert!(!text.contains("battery"), "{text}");
    assert!(
        text.starts_with("token: ") && text.ends_with("done\n"),
        "{text}"
    );
    lab.stop(executor).await;
}

/// No more than the cap is kept, and that is said.
pub(super) async fn cap<L: Laboratory>(lab: &L) {
    let executor = lab.executor().await;
    let lines = lab.log_cap() / 16 + 10_000;
    let script = format!("i=0; yes 0123456789abcde | head -n {lines}");
    let run = lab.submit(Work::script(lab, &script)).await;
    assert_eq!(lab.ended(&run).await, Ended::Exited(0));
    let output = lab.output(&run).await;
    let whole = u64::try_from(output.stdout.len()).expect("bytes");
    // A backend that reads whole lines may stop before one that does not fit.
    assert!(
        whole <= lab.log_cap() && whole + 16 > lab.log_cap(),
        "{whole}"
    );
    let expected = b"0123456789abcde\n"
        .iter()
        .cycle()
        .take(output.stdout.len());
    assert!(output.stdout.iter().eq(expected));
    let mark = String::from_utf8(output.system).expect("text");
    assert!(mark.contains("output is cut here"), "{mark}");
    lab.stop(executor).await;
}

/// A line longer than container runtimes keep in one piece.
pub(super) async fn long_lines<L: Laboratory>(lab: &L) {
    let executor = lab.executor().await;
    let run = lab
        .submit(Work::script(
            lab,
            "head -c 100000 /dev/zero | tr '\\0' x; echo; echo short",
        ))
        .await;
    assert_eq!(lab.ended(&run).await, Ended::Exited(0));
    let expected = format!("{}\nshort\n", "x".repeat(100_000));
    assert!(lab.output(&run).await.stdout == expected.as_bytes());
    lab.stop(executor).await;
}
