package echoloop.peer;

import java.util.Properties;
import java.util.function.BiConsumer;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.StreamsBuilder;

/** One way to compute it. */
interface Form {
  void build(StreamsBuilder builder, Topics topics);

  /** What this form sets beside what both need. */
  void configure(Properties properties);

  /** Every cell that is kept here. */
  void export(KafkaStreams streams, BiConsumer<CellKey, Counts> to);

  static Form named(String name) {
    return switch (name) {
      case "plain" -> new Plain();
      case "tuned" -> new Tuned();
      default -> throw new IllegalArgumentException("the form is plain or tuned, not " + name);
    };
  }

  record Topics(String sessions, String ratings, String tasks) {}
}
