package echoloop.peer;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;
import java.util.Properties;
import java.util.Set;
import java.util.function.BiConsumer;
import java.util.function.Supplier;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.common.serialization.Serde;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.KeyValue;
import org.apache.kafka.streams.StoreQueryParameters;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.kstream.Consumed;
import org.apache.kafka.streams.kstream.Produced;
import org.apache.kafka.streams.kstream.Repartitioned;
import org.apache.kafka.streams.processor.api.Processor;
import org.apache.kafka.streams.processor.api.ProcessorContext;
import org.apache.kafka.streams.processor.api.ProcessorSupplier;
import org.apache.kafka.streams.processor.api.Record;
import org.apache.kafka.streams.state.KeyValueIterator;
import org.apache.kafka.streams.state.KeyValueStore;
import org.apache.kafka.streams.state.QueryableStoreTypes;
import org.apache.kafka.streams.state.StoreBuilder;
import org.apache.kafka.streams.state.Stores;

/** One row per session in one store, deltas added up until each commit, one repartition, one store of counts. */
final class Tuned implements Form {
  private static final String SESSIONS = "session-rows";
  private static final String DELTAS = "deltas";
  private static final String CELLS = "cells";
  private static final Serde<byte[]> BYTES = Serdes.ByteArray();

  @Override
  public void build(StreamsBuilder builder, Topics topics) {
    StoreBuilder<KeyValueStore<byte[], byte[]>> rows =
        Stores.keyValueStoreBuilder(Stores.persistentKeyValueStore(SESSIONS), BYTES, BYTES).withCachingDisabled();
    StoreBuilder<KeyValueStore<byte[], byte[]>> cells =
        Stores.keyValueStoreBuilder(Stores.persistentKeyValueStore(CELLS), BYTES, BYTES).withCachingEnabled();
    builder.stream(List.of(topics.sessions(), topics.ratings()), Consumed.with(BYTES, BYTES))
        .process(supplier(() -> new Join(topics.sessions()), rows, DeltaBuffer.builder(DELTAS)))
        .repartition(Repartitioned.with(BYTES, BYTES).withName(DELTAS).withNumberOfPartitions(8))
        .process(supplier(Count::new, cells))
        .to(topics.tasks(), Produced.with(BYTES, BYTES));
  }

  private static ProcessorSupplier<byte[], byte[], byte[], byte[]> supplier(
      Supplier<Processor<byte[], byte[], byte[], byte[]>> processor, StoreBuilder<?>... stores) {
    return new ProcessorSupplier<>() {
      @Override
      public Processor<byte[], byte[], byte[], byte[]> get() {
        return processor.get();
      }

      @Override
      public Set<StoreBuilder<?>> stores() {
        return Set.copyOf(Arrays.asList(stores));
      }
    };
  }

  @Override
  public void configure(Properties properties) {
    properties.put(StreamsConfig.STATESTORE_CACHE_MAX_BYTES_CONFIG, 256L << 20);
    properties.put(StreamsConfig.ROCKSDB_CONFIG_SETTER_CLASS_CONFIG, RocksDbSettings.class);
    properties.put(StreamsConfig.BUFFERED_RECORDS_PER_PARTITION_CONFIG, 5000);
    properties.put(StreamsConfig.consumerPrefix(ConsumerConfig.MAX_POLL_RECORDS_CONFIG), 5000);
    properties.put(StreamsConfig.consumerPrefix(ConsumerConfig.MAX_PARTITION_FETCH_BYTES_CONFIG), 4 << 20);
    properties.put(StreamsConfig.producerPrefix(ProducerConfig.BATCH_SIZE_CONFIG), 256 << 10);
    properties.put(StreamsConfig.producerPrefix(ProducerConfig.BUFFER_MEMORY_CONFIG), 128L << 20);
  }

  @Override
  public void export(KafkaStreams streams, BiConsumer<CellKey, Counts> to) {
    var store = streams.store(StoreQueryParameters.fromNameAndType(CELLS, QueryableStoreTypes.<byte[], byte[]>keyValueStore()));
    try (KeyValueIterator<byte[], byte[]> rows = store.all()) {
      while (rows.hasNext()) {
        KeyValue<byte[], byte[]> row = rows.next();
        to.accept(CellKey.read(new Bytes(row.key)), Counts.read(new Bytes(row.value)));
      }
    }
  }

  /** Drops what came before, joins a session with the rating that holds, tells what changes of the counts. */
  private static final class Join implements Processor<byte[], byte[], byte[], byte[]> {
    private final String sessions;
    private final Bytes writer = new Bytes(1024);
    private ProcessorContext<byte[], byte[]> context;
    private KeyValueStore<byte[], byte[]> rows;
    private DeltaBuffer deltas;

    Join(String sessions) {
      this.sessions = sessions;
    }

    @Override
    public void init(ProcessorContext<byte[], byte[]> context) {
      this.context = context;
      rows = context.getStateStore(SESSIONS);
      deltas = context.getStateStore(DELTAS);
      deltas.forwardFrom(context);
    }

    @Override
    public void process(Record<byte[], byte[]> event) {
      byte[] stored = rows.get(event.key());
      SessionRow row = stored == null ? new SessionRow(null, null) : SessionRow.read(new Bytes(stored));
      boolean changed = context.recordMetadata().orElseThrow().topic().equals(sessions)
          ? take(row, EventParser.session(event.value()))
          : take(row, EventParser.rating(event.value()));
      if (changed) {
        row.write(writer);
        rows.put(event.key(), writer.take());
      }
    }

    private boolean take(SessionRow row, Session session) {
      if (row.knows(session.id())) {
        return false;
      }
      row.session = session;
      cells(session).add(session, true, null, row.rating);
      return true;
    }

    private boolean take(SessionRow row, Rating rating) {
      if (row.knows(rating.id())) {
        return false;
      }
      Rating before = row.rating;
      if (before != null && !rating.after(before)) {
        row.passed.add(rating.id());
        return true;
      }
      if (before != null) {
        row.passed.add(before.id());
      }
      row.rating = rating;
      if (row.session != null) {
        cells(row.session).add(row.session, false, before, rating);
      }
      return true;
    }

    private Cells cells(Session session) {
      return deltas.cells(session.tenant(), Dimension.hour(session));
    }
  }

  /** Adds deltas up and tells of each window that turned bad. */
  private static final class Count implements Processor<byte[], byte[], byte[], byte[]> {
    private final Bytes writer = new Bytes(256);
    private ProcessorContext<byte[], byte[]> context;
    private KeyValueStore<byte[], byte[]> cells;

    @Override
    public void init(ProcessorContext<byte[], byte[]> context) {
      this.context = context;
      cells = context.getStateStore(CELLS);
    }

    @Override
    public void process(Record<byte[], byte[]> deltas) {
      CellKey group = CellKey.read(new Bytes(deltas.key()));
      Bytes from = new Bytes(deltas.value());
      while (from.more()) {
        CellKey key = new CellKey(group.tenant(), group.dimension(), group.hour(), from.getText());
        key.write(writer);
        byte[] keyBytes = writer.take();
        Counts counts = Counts.read(from);
        byte[] stored = cells.get(keyBytes);
        boolean told = false;
        if (stored != null) {
          Bytes row = new Bytes(stored);
          counts.add(row);
          told = row.get() != 0;
        }
        boolean tell = !told && key.dimension() == Dimension.CATEGORY && counts.bad();
        counts.write(writer);
        writer.put((byte) (told || tell ? 1 : 0));
        cells.put(keyBytes, writer.take());
        if (tell) {
          String task = key.csv() + ',' + counts.csv();
          context.forward(new Record<>(keyBytes, task.getBytes(StandardCharsets.UTF_8), deltas.timestamp()));
        }
      }
    }
  }
}
