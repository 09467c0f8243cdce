//! The text of `/metrics`: Prometheus' text format 0.0.4, which every version of it reads.

use std::{fmt, sync::Arc};

use hyper::header::HeaderValue;
use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, MetricEncoder, NoLabelSet, prometheus_text},
    metrics::MetricType,
    registry::Registry,
};

use super::{HistogramValues, Metric, MetricKind, Metrics};

/// The content type of [`exposition`].
pub const CONTENT_TYPE: HeaderValue = HeaderValue::from_static(prometheus_text::CONTENT_TYPE);

/// Writes metrics with their definitions and values.
pub struct Exposition<'a>(DescriptorEncoder<'a>);

/// Writes the metrics when the text is made.
struct Written<F>(F);

/// The text of all metrics: those of `metrics`, then those that `others` writes.
///
/// # Errors
///
/// If `others` fails.
pub fn exposition(
    metrics: Arc<Metrics>,
    others: impl Fn(&mut Exposition<'_>) -> fmt::Result + Send + Sync + 'static,
) -> Result<String, fmt::Error> {
    let mut registry = Registry::default();
    registry.register_collector(Box::new(Written(move |out: &mut Exposition<'_>| {
        metrics.requests.expose(out)?;
        metrics.refusals.expose(out)?;
        metrics.connections.expose(out)?;
        others(out)
    })));
    let mut text = String::with_capacity(32 << 10);
    prometheus_text::encode(&mut text, &registry)?;
    Ok(text)
}

impl<F: Fn(&mut Exposition<'_>) -> fmt::Result + Send + Sync + 'static> Collector for Written<F> {
    fn encode(&self, encoder: DescriptorEncoder<'_>) -> fmt::Result {
        (self.0)(&mut Exposition(encoder))
    }
}

impl<F> fmt::Debug for Written<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Written")
    }
}

impl Exposition<'_> {
    /// Writes a counter: for each set of labels, in the order of the definition, its value.
    ///
    /// # Errors
    ///
    /// Those of the encoder.
    pub fn counters<const N: usize>(
        &mut self,
        metric: &Metric,
        values: impl IntoIterator<Item = ([String; N], u64)>,
    ) -> fmt::Result {
        debug_assert_eq!(metric.kind, MetricKind::Counter);
        self.family(metric, MetricType::Counter, values, |encoder, value| {
            encoder.encode_counter::<NoLabelSet, _, u64>(&value, None)
        })
    }

    /// Writes a gauge, as [`Exposition::counters`] does.
    ///
    /// # Errors
    ///
    /// Those of the encoder.
    pub fn gauges<const N: usize>(
        &mut self,
        metric: &Metric,
        values: impl IntoIterator<Item = ([String; N], f64)>,
    ) -> fmt::Result {
        debug_assert_eq!(metric.kind, MetricKind::Gauge);
        self.family(metric, MetricType::Gauge, values, |encoder, value| {
            encoder.encode_gauge(&value)
        })
    }

    /// Writes a histogram, as [`Exposition::counters`] does.
    ///
    /// # Errors
    ///
    /// Those of the encoder.
    pub fn histograms<const N: usize>(
        &mut self,
        metric: &Metric,
        values: impl IntoIterator<Item = ([String; N], HistogramValues)>,
    ) -> fmt::Result {
        debug_assert_eq!(metric.kind, MetricKind::Histogram);
        self.family(metric, MetricType::Histogram, values, |encoder, value| {
            let HistogramValues { sum, count, buckets } = value;
            encoder.encode_histogram::<NoLabelSet>(sum, count, &buckets, None)
        })
    }

    /// Writes a counter without labels.
    ///
    /// # Errors
    ///
    /// Those of the encoder.
    pub fn counter(&mut self, metric: &Metric, value: u64) -> fmt::Result {
        self.counters(metric, [([], value)])
    }

    /// Writes a gauge without labels.
    ///
    /// # Errors
    ///
    /// Those of the encoder.
    pub fn gauge(&mut self, metric: &Metric, value: f64) -> fmt::Result {
        self.gauges(metric, [([], value)])
    }

    fn family<const N: usize, T>(
        &mut self,
        metric: &Metric,
        kind: MetricType,
        values: impl IntoIterator<Item = ([String; N], T)>,
        encode: impl Fn(&mut MetricEncoder<'_>, T) -> fmt::Result,
    ) -> fmt::Result {
        debug_assert_eq!(metric.labels.len(), N, "the labels of {}", metric.name);
        let mut encoder = self.0.encode_descriptor(metric.name, metric.help, None, kind)?;
        for (labels, value) in values {
            let names = metric.labels.iter().copied();
            let labels: Vec<(&str, &str)> = names.zip(labels.iter().map(String::as_str)).collect();
            encode(&mut encoder.encode_family(&labels)?, value)?;
        }
        Ok(())
    }
}
