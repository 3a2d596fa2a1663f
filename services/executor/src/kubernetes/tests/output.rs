//! Output: all of it, once.

use maestro_testkit::kubernetes::Faults;

use super::*;

const LINES: &str = "i=0; while [ $i -lt 10000 ]; do i=$((i+1)); echo line $i; done";

fn numbered() -> String {
    (1..=10_000).map(|line| format!("line {line}\n")).collect()
}

#[tokio::test]
async fn every_line_once_while_streams_break() {
    let bench = Bench::new().await;
    bench.fake.set_faults(Some(Faults {
        seed: 7,
        errors: 0.05,
        dropped: 0.05,
        watch_disconnects: 0.1,
        ..Faults::default()
    }));
    let execution = bench.shell(LINES).await;
    let (text, notes) = bench.output(execution).await;
    assert_eq!(text, numbered());
    assert_eq!(notes, "");
}

#[tokio::test]
async fn a_second_executor_reads_the_same_bytes() {
    let bench = Bench::new().await;
    let script = format!("printf '\\033[31mred\\033[0m no newline yet'; sleep 1; {LINES}");
    let execution = bench.shell(&script).await;
    let (mut tail, _) = bench.backend.logs(execution, 0).await.unwrap();
    let first = tokio::time::timeout(SOON, tail.next())
        .await
        .unwrap()
        .unwrap()
        .unwrap();
    let executor = bench.executor;
    drop(tail);
    let bench = bench.reopened(executor).await;
    bench.backend.recover().await.unwrap();
    let (text, _) = bench.output(execution).await;
    assert!(text.as_bytes().starts_with(&first.bytes));
    assert!(text.starts_with("\u{1b}[31mred\u{1b}[0m no newline yet"));
    assert!(text.ends_with("line 9999\nline 10000\n"));
}

#[tokio::test]
async fn a_lost_pod_leaves_a_note() {
    let bench = Bench::new().await;
    let execution = bench.shell("echo kept; exec sleep 1000").await;
    let (mut tail, _) = bench.backend.logs(execution, 0).await.unwrap();
    let first = tokio::time::timeout(SOON, tail.next())
        .await
        .unwrap()
        .unwrap()
        .unwrap();
    assert_eq!(first.bytes, "kept\n");
    let pod = &bench.fake.objects("pods")[0];
    let node = pod["spec"]["nodeName"].as_str().unwrap().to_owned();
    bench.fake.lose_node(&node);
    bench.fake.remove_node(&node);
    let (_, notes) = read(tail).await;
    assert!(notes.contains("the rest of the output is lost"), "{notes}");
}

#[tokio::test]
async fn a_long_log_is_continued_at_its_checkpoint() {
    let bench = Bench::new().await;
    let script = "i=0; while [ $i -lt 40000 ]; do i=$((i+1)); echo line $i of forty thousand that are printed; done; echo $API_TOKEN; echo end";
    let execution = bench.shell(script).await;
    let (mut tail, _) = bench.backend.logs(execution, 0).await.unwrap();
    let mut shipped = Vec::new();
    let annotated = |fake: &Fake| {
        let annotations = &fake.objects("jobs")[0]["metadata"]["annotations"];
        !annotations["maestro.dev/log-checkpoint"].is_null()
    };
    while !annotated(&bench.fake) {
        let piece = tokio::time::timeout(SOON, tail.next())
            .await
            .unwrap()
            .unwrap();
        shipped.extend_from_slice(&piece.expect("a checkpoint before the end").bytes);
    }
    drop(tail);
    let whole = bench.output(execution).await.0;
    assert!(whole.ends_with("printed\n***\nend\n"));
    let executor = bench.executor;
    let bench = bench.reopened(executor).await;
    bench.backend.recover().await.unwrap();
    let length = shipped.len() as u64;
    let (tail, _) = bench.backend.logs(execution, length).await.unwrap();
    let (text, notes) = read(tail).await;
    assert_eq!(notes, "");
    assert_eq!(text.len(), whole.len());
    // What stands for the part that is stored is not read again.
    assert!(text.as_bytes()[..1024 * 1024].iter().all(|byte| *byte == 0));
    assert_eq!(text[shipped.len()..], whole[shipped.len()..]);
}
