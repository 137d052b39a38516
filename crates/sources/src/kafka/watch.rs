use rdkafka::{
    ClientContext, Statistics, TopicPartitionList,
    consumer::{BaseConsumer, ConsumerContext, Rebalance},
    error::KafkaError,
    types::RDKafkaErrorCode,
};
use tokio::sync::mpsc;

/// What the client tells about the cluster.
#[derive(Debug)]
pub(super) enum News {
    /// Partitions were assigned to this member of the group.
    Assigned,
    /// So many records wait.
    Lag(u64),
    /// The cluster cannot be used.
    Broken(String),
}

/// Hears what the client tells.
pub(super) struct Watch(pub mpsc::Sender<News>);

impl Watch {
    fn tell(&self, news: News) {
        // Whoever does not keep up hears the next.
        let _ = self.0.try_send(news);
    }
}

impl ClientContext for Watch {
    fn error(&self, error: KafkaError, reason: &str) {
        let passing = matches!(
            error.rdkafka_error_code(),
            Some(RDKafkaErrorCode::BrokerTransportFailure | RDKafkaErrorCode::OperationTimedOut)
        );
        if !passing {
            self.tell(News::Broken(format!("{error}: {reason}")));
        }
    }

    fn stats(&self, statistics: Statistics) {
        let partitions = statistics.topics.values().flat_map(|topic| topic.partitions.values());
        let lag = partitions.map(|partition| u64::try_from(partition.consumer_lag).unwrap_or(0));
        self.tell(News::Lag(lag.sum()));
    }
}

impl ConsumerContext for Watch {
    fn post_rebalance(&self, _: &BaseConsumer<Self>, rebalance: &Rebalance<'_>) {
        if matches!(rebalance, Rebalance::Assign(_)) {
            self.tell(News::Assigned);
        }
    }

    fn commit_callback(&self, result: rdkafka::error::KafkaResult<()>, _: &TopicPartitionList) {
        // What was not committed comes again and is known.
        if let Err(error) = result {
            self.tell(News::Broken(error.to_string()));
        }
    }
}
