//! The life of one pod on its node.

use std::{collections::BTreeMap, path::PathBuf, sync::Arc, time::Duration};

use futures::{StreamExt as _, stream::FuturesUnordered};
use serde_json::Value;
use tokio::time::{Instant, sleep_until, timeout};

use super::{
    Keeper, Order,
    container::{self, Exit, Plan, Running},
    environment,
    interrupt::{self, Interrupt},
    logs::ContainerLog,
    status::{self, Now, Verdict},
    volumes::{self, File},
};
use crate::kubernetes::{
    cluster::Cluster,
    delete::Deletion,
    json::{self, list, text},
    kind::Kind,
    state::State,
};

const LOOK_AGAIN: Duration = Duration::from_millis(200);

/// Who keeps a pod.
struct Life {
    cluster: Arc<Cluster>,
    pod: Arc<Value>,
    keeper: Arc<Keeper>,
    folder: PathBuf,
    containers: BTreeMap<String, Now>,
}

/// Brings a pod to its end.
pub(super) async fn keep(cluster: Arc<Cluster>, pod: Arc<Value>, keeper: Arc<Keeper>) {
    let folder = cluster.folder().join(json::uid(&pod));
    let mut life = Life {
        cluster: Arc::clone(&cluster),
        pod,
        keeper,
        folder,
        containers: BTreeMap::new(),
    };
    tokio::select! {
        () = cluster.stop.cancelled() => {}
        () = life.live() => {}
    }
}

impl Life {
    async fn live(&mut self) {
        let created = Now::Waiting("ContainerCreating".to_owned(), String::new());
        self.containers = self
            .names("containers")
            .into_iter()
            .map(|name| (name, created.clone()))
            .collect();
        self.report("Pending", &Verdict::default());
        let mut end = match self.prepare().await {
            Ok(()) => self.run_all().await,
            Err(interrupt) => Some(interrupt),
        };
        if let Some(Interrupt::Ordered(Order::Vanish) | Interrupt::Gone) = end {
            return;
        }
        let verdict = end.take().map(interrupt::verdict).unwrap_or_default();
        let clean = self
            .containers
            .values()
            .all(|now| matches!(now, Now::Ended(exit) if exit.code == 0));
        let phase = if clean && !verdict.failed {
            "Succeeded"
        } else {
            "Failed"
        };
        for now in self.containers.values_mut() {
            if !matches!(now, Now::Ended(_)) {
                *now = Now::Ended(never_started(&self.cluster));
            }
        }
        self.report(phase, &verdict);
        self.bury().await;
    }

    fn names(&self, field: &str) -> Vec<String> {
        list(&self.pod, &format!("/spec/{field}"))
            .iter()
            .map(|container| text(container, "/name").to_owned())
            .collect()
    }

    /// The pod as it is stored now.
    fn current(&self, state: &State) -> Option<Value> {
        let found = state.copy(Kind::Pod, json::namespace(&self.pod), json::name(&self.pod))?;
        (json::uid(&found) == json::uid(&self.pod)).then_some(found)
    }

    fn report(&self, phase: &str, verdict: &Verdict) {
        let mut state = self.cluster.lock();
        let Some(mut pod) = self.current(&state) else {
            return;
        };
        let now = state.clock.text();
        status::write(&mut pod, &self.containers, phase, &now);
        status::judge(&mut pod, verdict, &now);
        state.put(Kind::Pod, pod);
    }

    /// Waits until everything is there that the containers need.
    async fn prepare(&mut self) -> Result<(), Interrupt> {
        let mut changes = self.cluster.lock().subscribe();
        let mut pulled = false;
        loop {
            changes.borrow_and_update();
            let found = {
                let state = self.cluster.lock();
                self.image(&state, pulled).and_then(|()| {
                    volumes::collect(&state, &self.pod).map_err(|why| ("ContainerCreating", why))
                })
            };
            let problem = match found {
                Ok(files) => match self.configure(files) {
                    Ok(()) => return Ok(()),
                    Err(problem) => problem,
                },
                Err(problem) => problem,
            };
            self.wait_for(problem);
            pulled = true;
            tokio::select! {
                biased;
                interrupt = self.interrupted() => return Err(interrupt),
                _ = timeout(LOOK_AGAIN, changes.changed()) => {}
            }
        }
    }

    fn image(&self, state: &State, again: bool) -> Result<(), (&'static str, String)> {
        for container in ["initContainers", "containers"]
            .iter()
            .flat_map(|field| list(&self.pod, &format!("/spec/{field}")))
        {
            let image = text(container, "/image");
            if image.chars().any(|letter| letter.is_ascii_uppercase()) && !image.contains(':') {
                return Err((
                    "InvalidImageName",
                    format!(
                        "Failed to apply default image tag {image:?}: couldn't parse image name {image:?}: invalid reference format: repository name must be lowercase"
                    ),
                ));
            }
            if state
                .steering
                .missing_images
                .iter()
                .any(|missing| image.contains(missing.as_str()))
            {
                return Err(if again {
                    (
                        "ImagePullBackOff",
                        format!(
                            "Back-off pulling image {image:?}: ErrImagePull: rpc error: code = NotFound desc = failed to pull and unpack image {image:?}: not found"
                        ),
                    )
                } else {
                    (
                        "ErrImagePull",
                        format!(
                            "rpc error: code = NotFound desc = failed to pull and unpack image {image:?}: failed to resolve reference {image:?}: not found"
                        ),
                    )
                });
            }
        }
        Ok(())
    }

    fn configure(&self, files: Vec<File>) -> Result<(), (&'static str, String)> {
        let failed = |error: std::io::Error| ("ContainerCreating", error.to_string());
        let root = self.folder.join("volumes");
        std::fs::create_dir_all(&root).map_err(failed)?;
        volumes::write(&root, &self.pod, files).map_err(failed)?;
        let state = self.cluster.lock();
        for container in list(&self.pod, "/spec/containers") {
            environment::variables(&state, &self.pod, container)
                .map_err(|why| ("CreateContainerConfigError", why))?;
        }
        Ok(())
    }

    fn wait_for(&mut self, (reason, message): (&'static str, String)) {
        let shown = if reason == "ContainerCreating" {
            String::new()
        } else {
            message.clone()
        };
        for now in self.containers.values_mut() {
            *now = Now::Waiting(reason.to_owned(), shown.clone());
        }
        self.report("Pending", &Verdict::default());
        let event = match reason {
            "ContainerCreating" => "FailedMount",
            _ => "Failed",
        };
        let mut state = self.cluster.lock();
        let known = state
            .list(Kind::Event, json::namespace(&self.pod))
            .any(|event| {
                text(event, "/message") == message
                    && text(event, "/involvedObject/uid") == json::uid(&self.pod)
            });
        if !known {
            state.event((Kind::Pod, &self.pod), "Warning", event, &message);
        }
    }

    /// Runs init containers one after the other, then the others at the same time.
    async fn run_all(&mut self) -> Option<Interrupt> {
        for name in self.names("initContainers") {
            let interrupt = self.run(vec![name.clone()], "Pending").await;
            let succeeded =
                matches!(self.containers.get(&name), Some(Now::Ended(exit)) if exit.code == 0);
            if interrupt.is_some() || !succeeded {
                return interrupt;
            }
        }
        self.run(self.names("containers"), "Running").await
    }

    async fn run(&mut self, names: Vec<String>, phase: &str) -> Option<Interrupt> {
        let clock = self.cluster.lock().clock;
        let mut running = Vec::new();
        for name in names {
            match self.start(&name) {
                Ok(started) => {
                    self.containers.insert(name, Now::Running(started.started));
                    running.push(started);
                }
                Err(exit) => {
                    self.containers.insert(name, Now::Ended(exit));
                }
            }
        }
        if !running.is_empty() {
            self.report(phase, &Verdict::default());
        }
        let pids: Vec<i32> = running.iter().map(|one| one.pid).collect();
        let mut ends: FuturesUnordered<_> = running
            .into_iter()
            .map(|mut one: Running| async move { (one.ended(clock).await, one.name) })
            .collect();
        let mut ended_by: Option<Interrupt> = None;
        let mut kill_at = None;
        while !ends.is_empty() {
            tokio::select! {
                Some((exit, name)) = ends.next() => self.ended(name, exit, ended_by.as_ref()),
                found = interrupt::interrupted(&self.cluster, &self.pod, &self.keeper), if ended_by.is_none() => {
                    kill_at = Some(Instant::now() + interrupt::begin_end(&found, &pids));
                    ended_by = Some(found);
                }
                () = sleep_until(kill_at.unwrap_or_else(Instant::now)), if kill_at.is_some() => {
                    pids.iter().for_each(|pid| container::kill_all(*pid));
                    kill_at = None;
                }
            }
        }
        ended_by
    }

    fn ended(&mut self, name: String, mut exit: Exit, interrupt: Option<&Interrupt>) {
        if matches!(interrupt, Some(Interrupt::Ordered(Order::OomKill))) {
            exit.reason = "OOMKilled";
        }
        self.cluster
            .lock()
            .kubelets
            .ended(json::uid(&self.pod), &name);
        self.containers.insert(name, Now::Ended(exit));
    }

    fn start(&self, name: &str) -> Result<Running, Exit> {
        let mut state = self.cluster.lock();
        let all = ["initContainers", "containers"];
        let mut containers = all
            .iter()
            .flat_map(|field| list(&self.pod, &format!("/spec/{field}")));
        let container = containers
            .find(|container| text(container, "/name") == name)
            .unwrap_or(&Value::Null);
        let variables = environment::variables(&state, &self.pod, container).unwrap_or_default();
        let mounts = volumes::mounts(&self.folder.join("volumes"), container);
        let word = |word: &Value| {
            let word = environment::expand(word.as_str().unwrap_or_default(), &variables);
            volumes::translate(&word, &mounts)
        };
        let program = list(container, "/command")
            .iter()
            .chain(list(container, "/args"))
            .map(word)
            .collect();
        let folder = match text(container, "/workingDir") {
            "" => self.folder.join("volumes"),
            path => PathBuf::from(volumes::translate(path, &mounts)),
        };
        let plan = Plan {
            name: name.to_owned(),
            program,
            variables: variables
                .iter()
                .map(|(name, value)| (name.clone(), volumes::translate(value, &mounts)))
                .collect(),
            folder: if folder.is_dir() {
                folder
            } else {
                self.folder.clone()
            },
        };
        let log = Arc::new(ContainerLog::new());
        let running = container::start(&plan, &log, state.clock)?;
        state.kubelets.started(&self.pod, name, running.pid, log);
        Ok(running)
    }

    async fn interrupted(&self) -> Interrupt {
        interrupt::interrupted(&self.cluster, &self.pod, &self.keeper).await
    }

    /// A pod that is being deleted is removed once its containers have ended.
    async fn bury(&self) {
        loop {
            {
                let mut state = self.cluster.lock();
                let Some(pod) = self.current(&state) else {
                    break;
                };
                if json::deleting(&pod) {
                    // Without preconditions nothing is refused.
                    let _ = state.delete_object(Kind::Pod, &Arc::new(pod), &Deletion::forced());
                    break;
                }
            }
            self.keeper.wake.notified().await;
        }
        // Whoever comes first: nothing of it is needed any more.
        let _ = tokio::fs::remove_dir_all(&self.folder).await;
    }
}

/// What is said of a container that was not started when its pod ended.
fn never_started(cluster: &Cluster) -> Exit {
    Exit {
        code: 137,
        started: 0,
        finished: cluster.lock().clock.nanos(),
        reason: "ContainerStatusUnknown",
        message: Some("The container could not be located when the pod was terminated".to_owned()),
    }
}
