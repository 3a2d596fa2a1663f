//! Starting and ending.

use super::{
    Ended, Laboratory, Work,
    work::{executions, once},
};

/// What it writes and how it ends is reported, once.
pub(super) async fn success<L: Laboratory>(lab: &L) {
    let executor = lab.executor().await;
    let work = Work::script(lab, "echo hello");
    let id = work.id.clone();
    let run = lab.submit(work).await;
    assert_eq!(lab.ended(&run).await, Ended::Exited(0));
    assert_eq!(lab.output(&run).await.stdout, b"hello\n");
    assert!(lab.has_started(&run));
    once(lab, &id);
    lab.stop(executor).await;
}

/// The exit code is the program's own.
pub(super) async fn exit_code<L: Laboratory>(lab: &L) {
    let executor = lab.executor().await;
    let mut runs = Vec::new();
    for code in [1, 3, 127, 200] {
        let run = lab.submit(Work::script(lab, &format!("exit {code}"))).await;
        runs.push((code, run));
    }
    for (code, run) in runs {
        assert_eq!(lab.ended(&run).await, Ended::Exited(code));
    }
    lab.stop(executor).await;
}

/// A program that is not there is never success: a rejected launch, or what a shell says of it.
pub(super) async fn command_not_found<L: Laboratory>(lab: &L) {
    let executor = lab.executor().await;
    let run = lab.submit(Work::program(&["/no/such/program"])).await;
    let ended = lab.ended(&run).await;
    assert!(
        [Ended::LaunchRejected, Ended::Exited(127)].contains(&ended),
        "{ended:?}"
    );
    lab.stop(executor).await;
}

/// Its own variables are there as they were given, and those that say what it is.
pub(super) async fn environment<L: Laboratory>(lab: &L) {
    let executor = lab.executor().await;
    let work = Work::script(
        lab,
        "printf '%s|%s|%s\\n' \"$PLAIN\" \"$ODD\" \"$MAESTRO_ATTEMPT\"",
    )
    .with("PLAIN", "one")
    .with("ODD", "a $(PLAIN) $$ 'b' \"c\" \u{e9}\\n");
    let run = lab.submit(work).await;
    assert_eq!(lab.ended(&run).await, Ended::Exited(0));
    let output = lab.output(&run).await;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    // Values of its own variables are secrets, which are masked when they are long enough.
    assert!(text.ends_with("|1\n"), "{text}");
    lab.stop(executor).await;
}

/// The prompt is in the file that the environment names.
pub(super) async fn prompt<L: Laboratory>(lab: &L) {
    let executor = lab.executor().await;
    let text = "Implement #7: \u{fc}ber $(HOME) $$ \"quotes\"\nand lines\n";
    let mut work = Work::script(lab, "cat \"$MAESTRO_PROMPT_FILE\"");
    work.prompt = Some(text.to_owned());
    let run = lab.submit(work).await;
    assert_eq!(lab.ended(&run).await, Ended::Exited(0));
    assert_eq!(lab.output(&run).await.stdout, text.as_bytes());
    lab.stop(executor).await;
}

/// A prompt of half a megabyte arrives whole.
pub(super) async fn big_prompt<L: Laboratory>(lab: &L) {
    let executor = lab.executor().await;
    let mut work = Work::script(lab, "wc -c < \"$MAESTRO_PROMPT_FILE\" | tr -d ' '");
    work.prompt = Some("0123456789abcde\n".repeat(32 * 1024));
    let run = lab.submit(work).await;
    assert_eq!(lab.ended(&run).await, Ended::Exited(0));
    assert_eq!(lab.output(&run).await.stdout, b"524288\n");
    lab.stop(executor).await;
}

/// Nothing but the shell interprets the words of a command.
pub(super) async fn literal_text<L: Laboratory>(lab: &L) {
    let executor = lab.executor().await;
    let run = lab
        .submit(Work::program(&["printf", "%s", "$(HOME) $$ ${HOME} $x"]))
        .await;
    assert_eq!(lab.ended(&run).await, Ended::Exited(0));
    assert_eq!(lab.output(&run).await.stdout, b"$(HOME) $$ ${HOME} $x");
    lab.stop(executor).await;
}

/// A start that is asked for again, also after the end, executes nothing again.
pub(super) async fn repeated_start<L: Laboratory>(lab: &L) {
    let executor = lab.executor().await;
    let work = Work::script(lab, "sleep 0.5; echo once");
    let id = work.id.clone();
    let run = lab.submit(work).await;
    lab.submit_again(&run).await;
    lab.started(&run).await;
    lab.submit_again(&run).await;
    assert_eq!(lab.ended(&run).await, Ended::Exited(0));
    lab.taken().await;
    assert_eq!(lab.output(&run).await.stdout, b"once\n");
    once(lab, &id);
    lab.stop(executor).await;
}

/// Without its claim nothing is created.
pub(super) async fn refused_claim<L: Laboratory>(lab: &L) {
    let executor = lab.executor().await;
    lab.refuse_claims(true);
    let work = Work::script(lab, "exit 0");
    let id = work.id.clone();
    let run = lab.submit(work).await;
    lab.taken().await;
    lab.refuse_claims(false);
    let other = lab.submit(Work::script(lab, "exit 0")).await;
    assert_eq!(lab.ended(&other).await, Ended::Exited(0));
    assert_eq!(executions(lab, &id), Some(0));
    assert!(!lab.has_started(&run) && lab.ends(&run).is_empty());
    lab.stop(executor).await;
}

/// With surroundings of its own it does the same.
pub(super) async fn full_env<L: Laboratory>(lab: &L) {
    let executor = lab.executor().await;
    let mut work = Work::script(lab, "cat \"$MAESTRO_PROMPT_FILE\"; exit 6");
    work.prompt = Some("alone\n".to_owned());
    work.full_env = true;
    let id = work.id.clone();
    let run = lab.submit(work).await;
    assert_eq!(lab.ended(&run).await, Ended::Exited(6));
    assert_eq!(lab.output(&run).await.stdout, b"alone\n");
    once(lab, &id);
    lab.stop(executor).await;
}
