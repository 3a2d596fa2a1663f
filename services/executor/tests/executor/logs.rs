//! What of the output is kept.

use maestro_domain::report::End;
use maestro_eventlog::{LogMessage, Output};
use maestro_executor::Config;

use crate::bench::{Bench, SOON, shell};

#[tokio::test(flavor = "multi_thread")]
async fn output_appears_while_the_run_goes_on() {
    let bench = Bench::new().await;
    let executor = bench.executor();
    let execution = bench
        .shell("echo early; while ! [ -e go ]; do sleep 0.02; done")
        .await;
    let mut reader = bench.log.logs(execution.run, execution.attempt);
    let first = tokio::time::timeout(SOON, reader.next())
        .await
        .unwrap()
        .unwrap();
    let LogMessage::Chunk(chunk) = first else {
        panic!("{first:?}")
    };
    assert_eq!(chunk.bytes.as_ref(), b"early\n");
    bench.touch(execution, "go");
    bench.finished(execution).await;
    executor.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn too_much_output_is_cut_visibly() {
    let bench = Bench::new().await;
    let config = Config {
        log_cap: 100_000,
        ..bench.config.clone()
    };
    let executor = bench.executor_with(config);
    let execution = bench
        .shell("head -c 3000000 /dev/zero; echo more >&2")
        .await;
    assert_eq!(
        bench.finished(execution).await,
        (End::Exited { code: 0 }, 100_000)
    );
    let chunks = bench.chunks(execution).await;
    let kept: usize = chunks
        .iter()
        .filter(|c| c.output != Output::System)
        .map(|c| c.bytes.len())
        .sum();
    assert_eq!(kept, 100_000);
    let note = chunks.last().unwrap();
    assert_eq!(note.output, Output::System);
    assert_eq!(
        note.bytes.as_ref(),
        b"output is cut here: more than 100000 bytes\n"
    );
    executor.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn binary_output_is_kept_byte_for_byte() {
    let bench = Bench::new().await;
    let executor = bench.executor();
    let bytes: Vec<u8> = (0..=255).cycle().take(300_000).collect();
    std::fs::create_dir_all(&bench.config.data).unwrap();
    let file = bench.config.data.join("binary");
    std::fs::write(&file, &bytes).unwrap();
    let execution = bench.shell(&format!("cat {}", file.display())).await;
    bench.finished(execution).await;
    assert!(bench.output(execution, Output::Stdout).await == bytes);
    executor.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn secrets_are_hidden_also_across_a_restart() {
    let bench = Bench::new().await;
    let executor = bench.executor();
    let script = "printf 'a %s b hun' \"$API_TOKEN\"; echo > ready
        while ! [ -e go ]; do sleep 0.02; done; printf 'ter2222 c %s' \"$NAME\"";
    let mut spec = shell(script);
    spec.env
        .insert("API_TOKEN".to_owned(), "hunter2222".to_owned());
    spec.env
        .insert("NAME".to_owned(), "not secret at all".to_owned());
    let execution = bench.start(spec).await;
    bench.file(execution, "ready").await;
    let mut reader = bench.log.logs(execution.run, execution.attempt);
    tokio::time::timeout(SOON, reader.next())
        .await
        .unwrap()
        .unwrap();
    executor.crash().await;
    let executor = bench.executor();
    bench.touch(execution, "go");
    let (end, log_bytes) = bench.finished(execution).await;
    let stdout = bench.output(execution, Output::Stdout).await;
    assert_eq!(
        String::from_utf8(stdout.clone()).unwrap(),
        "a *** b *** c not secret at all"
    );
    assert_eq!(
        (end, log_bytes),
        (End::Exited { code: 0 }, stdout.len() as u64)
    );
    executor.stop().await;
}
