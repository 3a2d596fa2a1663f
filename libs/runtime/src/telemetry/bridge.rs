//! Records each metric twice: for Prometheus and for OTLP.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, PoisonError, RwLock,
        atomic::{AtomicU64, Ordering},
    },
};

use metrics::{
    Counter, CounterFn, Gauge, GaugeFn, Histogram, HistogramFn, Key, KeyName, Metadata, Recorder,
    SharedString, Unit,
};
use opentelemetry::{
    KeyValue,
    metrics::{Counter as OtlpCounter, Gauge as OtlpGauge, Histogram as OtlpHistogram, Meter},
};

/// A recorder that passes on to another and to an OTLP meter.
pub(super) struct Both<R> {
    other: R,
    meter: Meter,
    counters: Known<Counter>,
    gauges: Known<Gauge>,
    histograms: Known<Histogram>,
}

/// Instruments made so far: the macros ask again for every use with labels.
struct Known<T>(RwLock<HashMap<Key, T>>);

impl<T: Clone> Known<T> {
    fn new() -> Self {
        Self(RwLock::default())
    }

    fn get_or_make(&self, key: &Key, make: impl FnOnce() -> T) -> T {
        if let Some(known) = self
            .0
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .get(key)
        {
            return known.clone();
        }
        let mut known = self.0.write().unwrap_or_else(PoisonError::into_inner);
        known.entry(key.clone()).or_insert_with(make).clone()
    }
}

impl<R> Both<R> {
    pub(super) fn new(other: R, meter: Meter) -> Self {
        let (counters, gauges, histograms) = (Known::new(), Known::new(), Known::new());
        Self {
            other,
            meter,
            counters,
            gauges,
            histograms,
        }
    }
}

impl<R: Recorder> Recorder for Both<R> {
    fn describe_counter(&self, key: KeyName, unit: Option<Unit>, description: SharedString) {
        self.other.describe_counter(key, unit, description);
    }

    fn describe_gauge(&self, key: KeyName, unit: Option<Unit>, description: SharedString) {
        self.other.describe_gauge(key, unit, description);
    }

    fn describe_histogram(&self, key: KeyName, unit: Option<Unit>, description: SharedString) {
        self.other.describe_histogram(key, unit, description);
    }

    fn register_counter(&self, key: &Key, metadata: &Metadata<'_>) -> Counter {
        self.counters.get_or_make(key, || {
            Counter::from_arc(Arc::new(BothCounters {
                other: self.other.register_counter(key, metadata),
                meter: self.meter.u64_counter(key.name().to_owned()).build(),
                attributes: attributes(key),
                total: AtomicU64::new(0),
            }))
        })
    }

    fn register_gauge(&self, key: &Key, metadata: &Metadata<'_>) -> Gauge {
        self.gauges.get_or_make(key, || {
            Gauge::from_arc(Arc::new(BothGauges {
                other: self.other.register_gauge(key, metadata),
                meter: self.meter.f64_gauge(key.name().to_owned()).build(),
                attributes: attributes(key),
                value: Mutex::new(0.0),
            }))
        })
    }

    fn register_histogram(&self, key: &Key, metadata: &Metadata<'_>) -> Histogram {
        self.histograms.get_or_make(key, || {
            Histogram::from_arc(Arc::new(BothHistograms {
                other: self.other.register_histogram(key, metadata),
                meter: self.meter.f64_histogram(key.name().to_owned()).build(),
                attributes: attributes(key),
            }))
        })
    }
}

fn attributes(key: &Key) -> Vec<KeyValue> {
    key.labels()
        .map(|label| KeyValue::new(label.key().to_owned(), label.value().to_owned()))
        .collect()
}

struct BothCounters {
    other: Counter,
    meter: OtlpCounter<u64>,
    attributes: Vec<KeyValue>,
    total: AtomicU64,
}

impl CounterFn for BothCounters {
    fn increment(&self, value: u64) {
        self.other.increment(value);
        self.total.fetch_add(value, Ordering::Relaxed);
        self.meter.add(value, &self.attributes);
    }

    fn absolute(&self, value: u64) {
        self.other.absolute(value);
        let before = self.total.fetch_max(value, Ordering::Relaxed);
        self.meter
            .add(value.saturating_sub(before), &self.attributes);
    }
}

struct BothGauges {
    other: Gauge,
    meter: OtlpGauge<f64>,
    attributes: Vec<KeyValue>,
    value: Mutex<f64>,
}

impl BothGauges {
    fn change(&self, change: impl FnOnce(f64) -> f64) {
        let mut value = self.value.lock().unwrap_or_else(PoisonError::into_inner);
        *value = change(*value);
        self.other.set(*value);
        self.meter.record(*value, &self.attributes);
    }
}

impl GaugeFn for BothGauges {
    fn increment(&self, by: f64) {
        self.change(|value| value + by);
    }

    fn decrement(&self, by: f64) {
        self.change(|value| value - by);
    }

    fn set(&self, to: f64) {
        self.change(|_| to);
    }
}

struct BothHistograms {
    other: Histogram,
    meter: OtlpHistogram<f64>,
    attributes: Vec<KeyValue>,
}

impl HistogramFn for BothHistograms {
    fn record(&self, value: f64) {
        self.other.record(value);
        self.meter.record(value, &self.attributes);
    }
}
