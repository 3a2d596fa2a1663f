//! What a run finds around it, and its output.

use std::os::unix::fs::PermissionsExt as _;

use super::*;
use crate::backend::{Channel, Logs as _};

#[tokio::test]
async fn the_environment_is_what_is_written_here() {
    let bench = Bench::new();
    let mut task = shell("env -0 | sort -z | tr '\\0' '\\n'");
    task.spec.env = BTreeMap::from(
        [
            ("OWN", "a b"),
            ("LANG", "de_DE"),
            ("MAESTRO_RUN_ID", "forged"),
            ("TRACEPARENT", "x"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned())),
    );
    task.spec.repository = Some("acme/shop".to_owned());
    let run = task.start.execution.run;
    let execution = bench.start(task).await;
    assert_eq!(bench.end(execution).await, End::Exited { code: 0 });
    let dir = bench.folder(execution).path().display().to_string();
    let path = env::var("PATH").unwrap();
    let expected = format!(
        "HOME={dir}/home\nLANG=de_DE\nMAESTRO_ATTEMPT=1\nMAESTRO_DELIVERY_ID=72d3162e\n\
         MAESTRO_EVENT=issues\nMAESTRO_PROJECT=shop\nMAESTRO_PROMPT_FILE={dir}/prompt.md\n\
         MAESTRO_REPOSITORY=acme/shop\nMAESTRO_RESULT_FILE={dir}/result.json\n\
         MAESTRO_RUN_ID={run}\nMAESTRO_TRIGGER=agent-dev\nOWN=a b\nPATH={path}\n\
         PWD={dir}/work\nTMPDIR={dir}/tmp\n"
    );
    // `PWD` and `_` are the shell's own.
    let seen: String = bench
        .stdout(execution)
        .lines()
        .filter(|line| !line.starts_with("_="))
        .flat_map(|line| [line, "\n"])
        .collect();
    assert_eq!(seen, expected);
}

#[tokio::test]
async fn prompt_result_and_trace() {
    let bench = Bench::new();
    let script =
        r#"cat "$MAESTRO_PROMPT_FILE"; echo "$TRACEPARENT"; echo {} > "$MAESTRO_RESULT_FILE""#;
    let mut task = shell(script);
    task.spec.prompt = Some("Mach's gut, $HOME\n".to_owned());
    task.traceparent = Some("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".to_owned());
    let trace = task.traceparent.clone().unwrap();
    let execution = bench.start(task).await;
    assert_eq!(bench.end(execution).await, End::Exited { code: 0 });
    assert_eq!(
        bench.stdout(execution),
        format!("Mach's gut, $HOME\n{trace}\n")
    );
    assert_eq!(
        fs::read_to_string(bench.folder(execution).result()).unwrap(),
        "{}\n"
    );
}

#[tokio::test]
async fn only_the_owner_reads_the_folder() {
    let bench = Bench::new();
    let execution = bench.shell("exit 0").await;
    bench.end(execution).await;
    let folder = bench.folder(execution);
    let mode = |path: &std::path::Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(folder.path()), 0o700);
    for file in [
        folder.spec(),
        folder.prompt(),
        folder.stdout(),
        folder.exit(),
        folder.lock(),
    ] {
        assert_eq!(mode(&file), 0o600, "{}", file.display());
    }
}

#[tokio::test]
async fn no_descriptor_of_maestro_is_inherited() {
    let bench = Bench::new();
    let execution = bench
        .shell("cd /proc/self/fd && ls -l | grep -v pipe: | sed -n 's/.* -> //p'")
        .await;
    bench.end(execution).await;
    let folder = bench.folder(execution).path().display().to_string();
    for open in bench.stdout(execution).lines() {
        let known = [
            &format!("{folder}/stdout"),
            &format!("{folder}/stderr"),
            "/dev/null",
        ];
        assert!(
            known.contains(&open) || open.starts_with("/proc/"),
            "{open}"
        );
    }
}

#[tokio::test]
async fn the_whole_output_can_be_read_while_it_is_written() {
    let bench = Bench::new();
    let script =
        "for i in 0 1 2 3 4; do seq $((i * 2000 + 1)) $((i * 2000 + 2000)); sleep 0.03; done
        head -c 200000 /dev/zero >&2";
    let execution = bench.shell(script).await;
    let (mut tail, _) = bench.backend.logs(execution, 0).await.unwrap();
    let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
    while let Some(output) = tokio::time::timeout(SOON, tail.next())
        .await
        .unwrap()
        .unwrap()
    {
        assert!(!output.bytes.is_empty() && output.bytes.len() <= 64 * 1024);
        match output.channel {
            Channel::Stdout => stdout.extend_from_slice(&output.bytes),
            Channel::Stderr => stderr.extend_from_slice(&output.bytes),
            Channel::System => unreachable!(),
        }
    }
    let lines: String = (1..=10_000).map(|line| format!("{line}\n")).collect();
    assert_eq!(String::from_utf8(stdout).unwrap(), lines);
    assert_eq!(stderr, vec![0; 200_000]);
}

#[tokio::test]
async fn unwanted_output_does_not_fill_the_disk() {
    let bench = Bench::new();
    let script =
        "head -c 5000000 /dev/zero; echo > written; while ! [ -e go ]; do sleep 0.02; done";
    let execution = bench.shell(script).await;
    bench.file(execution, "written").await;
    let (mut tail, _) = bench.backend.logs(execution, 0).await.unwrap();
    tail.discard();
    let stdout = bench.folder(execution).stdout();
    let freed = async || fs::metadata(&stdout).unwrap().len() == 0;
    tokio::select! {
        _ = tail.next() => panic!("the attempt has not ended"),
        () = wait_until(SOON, freed) => {}
    }
    fs::write(bench.folder(execution).work().join("go"), "").unwrap();
    assert_eq!(tail.next().await.unwrap(), None);
}
