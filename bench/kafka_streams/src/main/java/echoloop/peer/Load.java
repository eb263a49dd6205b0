package echoloop.peer;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.atomic.AtomicReference;
import java.util.stream.IntStream;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.AdminClientConfig;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.admin.OffsetSpec;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArraySerializer;

/** The input topics. */
final class Load {
  static final int PARTITIONS = 8;

  /** Times of the workload are not today's: too old to be kept by default, or in the future. */
  static final Map<String, String> ANY_TIME = Map.of("retention.ms", "-1", "message.timestamp.after.max.ms", Long.toString(Long.MAX_VALUE));

  private Load() {}

  static Admin admin(String brokers) {
    return Admin.create(Map.of(AdminClientConfig.BOOTSTRAP_SERVERS_CONFIG, brokers));
  }

  /** How many records the topics hold together. */
  static long held(String brokers, List<String> topics) throws ExecutionException, InterruptedException {
    try (Admin admin = admin(brokers)) {
      Set<String> known = admin.listTopics().names().get();
      Map<TopicPartition, OffsetSpec> ask = new HashMap<>();
      topics.stream().filter(known::contains)
          .forEach(topic -> IntStream.range(0, PARTITIONS).forEach(i -> ask.put(new TopicPartition(topic, i), OffsetSpec.latest())));
      return admin.listOffsets(ask).all().get().values().stream().mapToLong(end -> end.offset()).sum();
    }
  }

  /** A line: topic, delivered at (ms since 1970), key, JSON, with tabs between. Topics that are not there are made. */
  static void load(String brokers, List<String> topics, InputStream lines) throws IOException, ExecutionException, InterruptedException {
    try (Admin admin = admin(brokers)) {
      Set<String> known = admin.listTopics().names().get();
      admin.createTopics(topics.stream().filter(topic -> !known.contains(topic)).map(topic -> new NewTopic(topic, PARTITIONS, (short) 1).configs(ANY_TIME))
          .toList()).all().get();
    }
    Map<String, Object> settings = Map.of(
        ProducerConfig.BOOTSTRAP_SERVERS_CONFIG, brokers,
        ProducerConfig.ENABLE_IDEMPOTENCE_CONFIG, true,
        ProducerConfig.ACKS_CONFIG, "all",
        ProducerConfig.COMPRESSION_TYPE_CONFIG, "lz4",
        ProducerConfig.LINGER_MS_CONFIG, 20,
        ProducerConfig.BATCH_SIZE_CONFIG, 128 << 10);
    AtomicReference<Exception> failed = new AtomicReference<>();
    try (KafkaProducer<byte[], byte[]> producer = new KafkaProducer<>(settings, new ByteArraySerializer(), new ByteArraySerializer());
        BufferedReader reader = new BufferedReader(new InputStreamReader(lines, StandardCharsets.UTF_8), 1 << 20)) {
      for (String line = reader.readLine(); line != null; line = reader.readLine()) {
        String[] parts = line.split("\t", 4);
        byte[] key = parts[2].getBytes(StandardCharsets.UTF_8);
        byte[] json = parts[3].getBytes(StandardCharsets.UTF_8);
        producer.send(new ProducerRecord<>(parts[0], null, Long.parseLong(parts[1]), key, json), (sent, error) -> {
          if (error != null) {
            failed.compareAndSet(null, error);
          }
        });
      }
    }
    if (failed.get() != null) {
      throw new IOException("not all was taken", failed.get());
    }
  }
}
