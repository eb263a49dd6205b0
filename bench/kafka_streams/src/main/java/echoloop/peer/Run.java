package echoloop.peer;

import java.io.IOException;
import java.io.PrintWriter;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Properties;
import java.util.Set;
import java.util.concurrent.ExecutionException;
import java.util.stream.Collectors;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.ListOffsetsOptions;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.admin.OffsetSpec;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.common.IsolationLevel;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.errors.StreamsUncaughtExceptionHandler.StreamThreadExceptionResponse;

/** A form from nothing until all input is committed and nothing is left in between: what that took, and what came of it. */
final class Run {
  private static final Duration LOOK = Duration.ofMillis(250);
  private static final double TICKS_PER_SECOND = 100; // of /proc/PID/stat

  private final String brokers;
  private final Form.Topics topics;
  private final String application;
  private final Form form;
  private final Map<String, String> options;
  private volatile Throwable broken;

  Run(String brokers, Form.Topics topics, Map<String, String> options) {
    this.brokers = brokers;
    this.topics = topics;
    this.application = Main.option(options, "application");
    this.form = Form.named(Main.option(options, "form"));
    this.options = options;
  }

  void run() throws IOException, ExecutionException, InterruptedException {
    String broker = options.getOrDefault("broker-pid", "");
    double brokerBefore = broker.isEmpty() ? 0 : cpuSeconds(broker);
    Instant begin = ProcessHandle.current().info().startInstant().orElseThrow();
    try (Admin admin = Load.admin(brokers)) {
      admin.createTopics(List.of(new NewTopic(topics.tasks(), Load.PARTITIONS, (short) 1).configs(Load.ANY_TIME))).all().get();
      Map<TopicPartition, Long> input = ends(admin, Set.of(topics.sessions(), topics.ratings()));
      long events = input.values().stream().mapToLong(Long::longValue).sum();
      StreamsBuilder builder = new StreamsBuilder();
      form.build(builder, topics);
      Properties properties = properties();
      try (KafkaStreams streams = new KafkaStreams(builder.build(properties), properties)) {
        streams.setUncaughtExceptionHandler(error -> {
          broken = error;
          return StreamThreadExceptionResponse.SHUTDOWN_CLIENT;
        });
        streams.start();
        waitUntilDrained(admin, input);
        double wall = Duration.between(begin, Instant.now()).toMillis() / 1000.0;
        double cpu = cpuSeconds("self");
        double brokerCpu = !broker.isEmpty() ? cpuSeconds(broker) - brokerBefore : 0;
        long peak = peakBytes();
        long hop = ends(admin, hops(admin)).values().stream().mapToLong(Long::longValue).sum();
        export(streams);
        System.out.printf(Locale.ROOT,
            "{\"events\":%d,\"wall_s\":%.3f,\"cpu_s\":%.2f,\"broker_cpu_s\":%.2f,\"peak_bytes\":%d,\"between\":%d,\"tasks\":%d}%n",
            events, wall, cpu, brokerCpu, peak, hop, exportTasks(admin));
      }
      Set<String> own = admin.listTopics().names().get().stream().filter(topic -> topic.startsWith(application + "-")).collect(Collectors.toSet());
      own.add(topics.tasks());
      admin.deleteTopics(own).all().get();
    }
  }

  private Properties properties() {
    Properties properties = new Properties();
    properties.put(StreamsConfig.APPLICATION_ID_CONFIG, application);
    properties.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, brokers);
    properties.put(StreamsConfig.STATE_DIR_CONFIG, Main.option(options, "state"));
    properties.put(StreamsConfig.PROCESSING_GUARANTEE_CONFIG, StreamsConfig.EXACTLY_ONCE_V2);
    properties.put(StreamsConfig.COMMIT_INTERVAL_MS_CONFIG, 100);
    properties.put(StreamsConfig.NUM_STREAM_THREADS_CONFIG, Integer.parseInt(options.getOrDefault("threads", "2")));
    properties.put(StreamsConfig.REPLICATION_FACTOR_CONFIG, 1);
    properties.put(StreamsConfig.consumerPrefix(ConsumerConfig.AUTO_OFFSET_RESET_CONFIG), "earliest");
    properties.put(StreamsConfig.producerPrefix(ProducerConfig.COMPRESSION_TYPE_CONFIG), "lz4");
    properties.put(StreamsConfig.topicPrefix("message.timestamp.after.max.ms"), Long.toString(Long.MAX_VALUE));
    form.configure(properties);
    return properties;
  }

  private Set<String> hops(Admin admin) throws ExecutionException, InterruptedException {
    return admin.listTopics().names().get().stream()
        .filter(topic -> topic.startsWith(application + "-") && topic.endsWith("-repartition")).collect(Collectors.toSet());
  }

  /** Where what is committed ends, by partition. */
  private static Map<TopicPartition, Long> ends(Admin admin, Set<String> topics) throws ExecutionException, InterruptedException {
    Map<TopicPartition, OffsetSpec> ask = new HashMap<>();
    admin.describeTopics(topics).allTopicNames().get().forEach(
        (topic, about) -> about.partitions().forEach(partition -> ask.put(new TopicPartition(topic, partition.partition()), OffsetSpec.latest())));
    Map<TopicPartition, Long> ends = new HashMap<>();
    admin.listOffsets(ask, new ListOffsetsOptions(IsolationLevel.READ_COMMITTED)).all().get().forEach((at, end) -> ends.put(at, end.offset()));
    return ends;
  }

  /** A commit covers what was read and what was written of it, so the hops' ends are final once the input is committed. There is one hop. */
  private void waitUntilDrained(Admin admin, Map<TopicPartition, Long> input) throws ExecutionException, InterruptedException {
    while (!committed(admin, input)) {
      waitALook();
    }
    Map<TopicPartition, Long> between = ends(admin, hops(admin));
    while (!committed(admin, between)) {
      waitALook();
    }
  }

  private boolean committed(Admin admin, Map<TopicPartition, Long> ends) throws ExecutionException, InterruptedException {
    var offsets = admin.listConsumerGroupOffsets(application).partitionsToOffsetAndMetadata().get();
    return ends.entrySet().stream().allMatch(end -> {
      var offset = offsets.get(end.getKey());
      return end.getValue() == 0 || offset != null && offset.offset() >= end.getValue();
    });
  }

  private void waitALook() throws InterruptedException {
    if (broken != null) {
      throw new IllegalStateException("the topology broke", broken);
    }
    Thread.sleep(LOOK.toMillis());
  }

  private void export(KafkaStreams streams) throws IOException {
    try (PrintWriter writer = new PrintWriter(Files.newBufferedWriter(Path.of(Main.option(options, "export"))))) {
      form.export(streams, (key, counts) -> {
        if (counts.sessions() != 0) {
          writer.println(key.csv() + ',' + counts.csv());
        }
      });
    }
  }

  /** Writes the tasks; how many they are. */
  private long exportTasks(Admin admin) throws IOException, ExecutionException, InterruptedException {
    Map<TopicPartition, Long> ends = ends(admin, Set.of(topics.tasks()));
    Map<String, Object> settings = Map.of(
        ConsumerConfig.BOOTSTRAP_SERVERS_CONFIG, brokers,
        ConsumerConfig.ISOLATION_LEVEL_CONFIG, "read_committed");
    long tasks = 0;
    try (var consumer = new KafkaConsumer<>(settings, new ByteArrayDeserializer(), new StringDeserializer());
        PrintWriter writer = new PrintWriter(Files.newBufferedWriter(Path.of(Main.option(options, "export-tasks"))))) {
      consumer.assign(ends.keySet());
      consumer.seekToBeginning(ends.keySet());
      Set<TopicPartition> open = new HashSet<>(ends.keySet());
      while (!open.isEmpty()) {
        for (var task : consumer.poll(Duration.ofMillis(100))) {
          writer.println(task.value());
          tasks++;
        }
        open.removeIf(partition -> consumer.position(partition) >= ends.get(partition));
      }
    }
    return tasks;
  }

  /** User and system time. */
  private static double cpuSeconds(String pid) {
    String stat = proc(pid, "stat");
    String[] fields = stat.substring(stat.lastIndexOf(')') + 2).split(" ");
    return (Long.parseLong(fields[11]) + Long.parseLong(fields[12])) / TICKS_PER_SECOND;
  }

  private static long peakBytes() {
    String line = proc("self", "status").lines().filter(text -> text.startsWith("VmHWM:")).findFirst().orElseThrow();
    return 1024 * Long.parseLong(line.replaceAll("\\D", ""));
  }

  private static String proc(String pid, String file) {
    try {
      return Files.readString(Path.of("/proc", pid, file), StandardCharsets.UTF_8);
    } catch (IOException error) {
      throw new UncheckedIOException(error);
    }
  }
}
