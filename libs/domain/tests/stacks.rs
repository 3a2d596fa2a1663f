//! Stacks: good ones, and every kind of wrong one with its place and its sentence.
#![allow(clippy::unwrap_used)]

use std::time::Duration;

use maestro_domain::{
    Stack,
    placement::PullPolicy,
    run::Mode,
    stack::{MAX_TRIGGERS, StackError},
};

const GOOD: &str = include_str!("fixtures/services.yaml");

const SMALLEST: &str =
    "apiVersion: maestro.dev/v1\nkind: ServiceStack\nmetadata: {name: a}\nspec: {}\n";

fn error(text: &str) -> StackError {
    Stack::parse(text).expect_err("a wrong document")
}

#[test]
fn a_good_document_says_all_it_can() {
    let stack = Stack::parse(GOOD).unwrap();
    let [agent, push] = &stack.triggers[..] else {
        panic!("{stack:?}")
    };
    assert_eq!(
        (agent.name.as_str(), agent.run.as_str()),
        ("agent-dev", "agent")
    );
    assert_eq!(
        (&agent.on.actions[..], &agent.on.labels[..]),
        (&["labeled".to_owned()][..], &["run:dev".to_owned()][..])
    );
    assert!(agent.when.is_some() && agent.concurrency.as_ref().unwrap().cancel_superseded);
    let branches = push.on.branches.as_ref().unwrap();
    assert!(branches.matches("main") && branches.matches("release/1/2") && !branches.matches("x"));
    let run = &stack.runs[&agent.run];
    assert_eq!(
        (run.timeout, run.mode),
        (Duration::from_secs(900), Mode::FullEnv)
    );
    assert_eq!(run.command, ["agent", "work"]);
    assert!(run.prompt.is_some() && run.env.contains_key("TITLE"));
}

#[test]
fn the_documented_example_is_accepted_with_all_it_says() {
    let document = include_str!("../../../docs/services-yaml.md");
    let (_, example) = document.split_once("```yaml\n").unwrap();
    let (example, _) = example.split_once("```").unwrap();
    let stack = Stack::parse(example).unwrap();
    let placement = &stack.runs[&stack.triggers[0].run].placement;
    assert_eq!(placement.resources.limits["memory"], "2Gi");
    assert_eq!(placement.image_pull_policy, Some(PullPolicy::IfNotPresent));
    assert_eq!(placement.node_selector["kubernetes.io/arch"], "arm64");
    assert_eq!(placement.tolerations.len(), 1);
    assert!(stack.runs[&stack.triggers[1].run].placement.is_default());
}

#[test]
fn what_a_cluster_would_refuse_is_refused_at_its_line() {
    let command = "      command: [make, check]";
    check(&[
        (
            command,
            "      command: [make]\n      resources: {limits: {memory: 2GB}}",
            (29, 18),
            "`2GB` is not a quantity; write one such as 500m or 1Gi",
        ),
        (
            command,
            "      command: [make]\n      nodeSelector: {a b: c}",
            (29, 21),
            "`a b` is not a label",
        ),
        (
            command,
            "      command: [make]\n      tolerations: [{effect: NoSchedule}]",
            (29, 20),
            "needs `operator: Exists`",
        ),
        (
            command,
            "      command: [make]\n      imagePullPolicy: Sometimes",
            (29, 24),
            "write `Always`, `IfNotPresent` or `Never`",
        ),
        (
            command,
            "      command: [make]\n      resources: {limit: {memory: 2Gi}}",
            (29, 19),
            "`limit` is unknown here",
        ),
    ]);
}

#[test]
fn what_is_left_out_has_a_default() {
    let stack = Stack::parse(GOOD).unwrap();
    let push = &stack.triggers[1];
    assert!(push.when.is_none() && push.concurrency.is_none() && push.on.actions.is_empty());
    let run = &stack.runs[&push.run];
    assert_eq!(
        (run.timeout, run.mode),
        (Duration::from_secs(3600), Mode::CodeOnly)
    );
    assert_eq!((run.pool.as_str(), &run.image), ("default", &None));
    assert!(Stack::parse(SMALLEST).unwrap().triggers.is_empty());
}

/// What is replaced in the good document, by what, where that is wrong, and words of the sentence.
type Case = (&'static str, &'static str, (u64, u64), &'static str);

fn check(cases: &[Case]) {
    for (from, to, place, words) in cases {
        assert!(GOOD.contains(from), "{from}");
        let error = error(&GOOD.replacen(from, to, 1));
        assert_eq!((error.line, error.column), *place, "{to:?}: {error}");
        assert!(error.message.contains(words), "{to:?}: {error}");
    }
}

#[test]
fn wrong_fields() {
    check(&[
        (
            "apiVersion: maestro.dev/v1",
            "apiVersion: v2",
            (1, 13),
            "`v2` is unknown; write `maestro.dev/v1`",
        ),
        (
            "apiVersion: maestro.dev/v1\n",
            "",
            (3, 1),
            "`apiVersion` is missing; write `apiVersion: maestro.dev/v1`",
        ),
        (
            "kind: ServiceStack",
            "kind: Stack",
            (2, 7),
            "write `ServiceStack`",
        ),
        (
            "kind: S",
            "Kind: S",
            (2, 1),
            "`Kind` is unknown here; write `apiVersion`, `kind`, `metadata` or `spec`",
        ),
        (
            "metadata: {name: shop}\n",
            "",
            (3, 1),
            "write `metadata: {name: shop}`",
        ),
        ("{name: shop}", "{}", (3, 11), "`name` is missing"),
        (
            "{name: shop}",
            "{name: Shop}",
            (3, 18),
            "1 to 63 characters out of a-z",
        ),
        (
            "{name: shop}",
            "{name: shop, owner: me}",
            (3, 24),
            "`owner` is unknown here; write `name`",
        ),
        (
            "      run: check\n",
            "",
            (12, 7),
            "`run` is missing; write `run: my-run`",
        ),
        (
            "      run: check\n",
            "      runs: check\n",
            (16, 7),
            "write `name`, `on`, `when`, `run` or `concurrency`",
        ),
        ("        event: push\n", "", (14, 9), "write `event: push`"),
        (
            "command: [make, check]",
            "cmd: [make]",
            (28, 7),
            "`cmd` is unknown here; write `image`, `command`",
        ),
        (
            "      command: [make, check]\n",
            "      {}\n",
            (28, 7),
            "write `command: [\"make\", \"test\"]`",
        ),
        (
            "cancelSuperseded: true",
            "cancel_superseded: true",
            (10, 56),
            "write `group` or `cancelSuperseded`",
        ),
        (
            "  triggers:\n",
            "  trigger:\n",
            (5, 3),
            "write `triggers` or `runs`",
        ),
        (
            "    check:\n",
            "    agent:\n",
            (27, 5),
            "`agent` stands here for the second time",
        ),
    ]);
}

#[test]
fn wrong_types() {
    check(&[
        (
            "metadata: {name: shop}",
            "metadata: shop",
            (3, 11),
            "write a mapping here",
        ),
        (
            "{name: shop}",
            "{name: [shop]}",
            (3, 18),
            "write a text here",
        ),
        (
            "      run: check\n",
            "      run:\n",
            (16, 10),
            "write a text here",
        ),
        (
            "branches: [main, \"release/**\"]",
            "branches: main",
            (14, 19),
            "write a list here",
        ),
        (
            "actions: [labeled]",
            "actions: labeled",
            (7, 36),
            "write a list here",
        ),
        (
            "actions: [labeled]",
            "actions: [[labeled]]",
            (7, 37),
            "write a text here",
        ),
        (
            "cancelSuperseded: true",
            "cancelSuperseded: maybe",
            (10, 74),
            "write true or false",
        ),
        (
            "command: [make, check]",
            "command: make check",
            (28, 16),
            "write a list here",
        ),
        (
            "mode: full-env",
            "mode: full",
            (23, 13),
            "`full` is unknown here; write `full-env` or `code-only`",
        ),
        (
            "mode: full-env",
            "mode: [full-env]",
            (23, 13),
            "write a single word",
        ),
        (
            "env: {TITLE: \"{{ issue.title }}\"}",
            "env: [TITLE]",
            (24, 12),
            "write a mapping here",
        ),
        (
            "image: ghcr.io/acme/agent:1.4",
            "image: [a]",
            (19, 14),
            "write a text here",
        ),
    ]);
}

#[test]
fn wrong_values() {
    check(&[
        (
            "      run: check\n",
            "      run: nothing\n",
            (16, 12),
            "write one it has: agent, check",
        ),
        (
            "    - name: on-push",
            "    - name: agent-dev",
            (11, 13),
            "write another name",
        ),
        (
            "        event: push\n",
            "        event: ''\n",
            (13, 16),
            "name an event",
        ),
        (
            "branches: [main, \"release/**\"]",
            "branches: [\"a[\"]",
            (14, 19),
            "write one such as `src/**`",
        ),
        (
            "issue.number > 3",
            "issue.number >",
            (8, 13),
            "write a condition such as `issue.number > 3`; at its character 15",
        ),
        (
            "issue.number > 3",
            "a.all(x, b.all(y, x == y))",
            (8, 13),
            "one after the other",
        ),
        (
            "issue-{{ issue.number }}",
            "issue-{{ issue.number",
            (10, 28),
            "write `{{ issue.number }}`",
        ),
        (
            "issue-{{ issue.number }}",
            "issue-{{ 1 + 1 }}",
            (10, 28),
            "write names with dots between them",
        ),
        (
            "command: [make, check]",
            "command: []",
            (28, 16),
            "name a program",
        ),
        (
            "command: [make, check]",
            "command: [\"{{ a }}\"]",
            (28, 16),
            "pass values through `env`",
        ),
        (
            "timeout: 15m",
            "timeout: 15 minutes",
            (22, 16),
            "write a duration between 1s and 24h",
        ),
        (
            "timeout: 15m",
            "timeout: 25h",
            (22, 16),
            "write a duration between 1s and 24h",
        ),
        (
            "timeout: 15m",
            "timeout: 15é",
            (22, 16),
            "write a duration between 1s and 24h",
        ),
        (
            "timeout: 15m",
            "timeout: 99999999999999999999h",
            (22, 16),
            "write a duration between 1s and 24h",
        ),
        (
            "pool: default",
            "pool: Default Pool",
            (21, 13),
            "1 to 63 characters",
        ),
        ("TITLE:", "TI-TLE:", (24, 21), "use letters, digits and _"),
        ("TITLE:", "MAESTRO_X:", (24, 24), "write another name"),
        (
            "    check:\n",
            "    Check It:\n",
            (27, 5),
            "1 to 63 characters",
        ),
    ]);
}

#[test]
fn wrong_yaml() {
    check(&[
        ("    agent:\n", "\tagent:\n", (18, 2), "spaces, no tabs"),
        (
            "metadata: {name: shop}",
            "metadata: {name: shop",
            (4, 5),
            "check indentation",
        ),
        ("{name: shop}", "{name: 'shop}", (3, 18), "quotes"),
        (
            "{name: shop}",
            "{name: *x}",
            (3, 18),
            "write the value itself",
        ),
        (
            "{name: shop}",
            "{name: !!int shop}",
            (3, 24),
            "write the value without `!`",
        ),
    ]);
    for text in [
        "", "a", "[]", "null", "- a", "{", "\0", "%YAML 9", "&a [*a]", "é: [", "--- >",
    ] {
        let error = error(text);
        assert_eq!(error.line, 1, "{text:?}: {error}");
        assert!(
            error.column >= 1 && !error.message.contains("at line"),
            "{text:?}: {error}"
        );
    }
    let second = format!("{GOOD}---\n{GOOD}");
    assert!(error(&second).line >= 1);
}

#[test]
fn a_trigger_too_many_is_named() {
    let mut text = "apiVersion: maestro.dev/v1\nkind: ServiceStack\nmetadata: {name: a}\nspec:\n  \
                    runs: {r: {command: [a]}}\n  triggers:\n"
        .to_owned();
    for n in 0..=MAX_TRIGGERS {
        text += &format!("    - {{name: t{n}, on: {{event: push}}, run: r}}\n");
    }
    let error = error(&text);
    assert_eq!((error.line, error.column), (107, 14), "{error}");
    assert!(error.message.contains("at most 100 triggers"), "{error}");
}
