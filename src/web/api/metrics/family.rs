//! Families of metrics whose values are known when they are made.

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use prometheus_client::encoding::{EncodeMetric, MetricEncoder, NoLabelSet};
use prometheus_client::metrics::{MetricType, TypedMetric};

use crate::domain::time::Timestamp;
use crate::domain::usage::Histogram;

/// The names and values of labels.
pub(super) type Labels<const N: usize> = [(&'static str, Cow<'static, str>); N];

/// One value for each set of labels. Without any, nothing is told of the family.
#[derive(Debug)]
pub(super) struct Series<const N: usize, M>(Vec<(Labels<N>, M)>);

impl<const N: usize, M> FromIterator<(Labels<N>, M)> for Series<N, M> {
    fn from_iter<I: IntoIterator<Item = (Labels<N>, M)>>(series: I) -> Self {
        Self(series.into_iter().collect())
    }
}

impl<const N: usize, M: EncodeMetric + TypedMetric> EncodeMetric for Series<N, M> {
    fn encode(&self, mut encoder: MetricEncoder<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|(labels, value)| value.encode(encoder.encode_family(labels)?))
    }

    fn metric_type(&self) -> MetricType {
        M::TYPE
    }

    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Durations since the start, in the buckets that the statistics keep them in.
#[derive(Debug)]
pub(super) struct Durations {
    pub(super) histogram: Histogram,
    pub(super) total: Duration,
}

impl TypedMetric for Durations {
    const TYPE: MetricType = MetricType::Histogram;
}

impl EncodeMetric for Durations {
    fn encode(&self, mut encoder: MetricEncoder<'_>) -> fmt::Result {
        let bounds = Histogram::BOUNDS_MS.into_iter().map(|bound| Duration::from_millis(bound).as_secs_f64());
        let counts = self.histogram.counts();
        let buckets: Vec<_> = bounds.chain([f64::INFINITY]).zip(counts.iter().copied()).collect();
        encoder.encode_histogram::<NoLabelSet>(self.total.as_secs_f64(), counts.iter().sum(), &buckets, None)
    }

    fn metric_type(&self) -> MetricType {
        Self::TYPE
    }
}

/// Seconds since the epoch.
pub(super) fn seconds(at: Timestamp) -> f64 {
    Timestamp::default().until(at).as_secs_f64()
}
