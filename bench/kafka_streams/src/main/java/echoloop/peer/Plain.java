package echoloop.peer;

import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.Map;
import java.util.Properties;
import java.util.Set;
import java.util.function.BiConsumer;
import java.util.function.Function;
import org.apache.kafka.common.serialization.Serde;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.KeyValue;
import org.apache.kafka.streams.StoreQueryParameters;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.kstream.Consumed;
import org.apache.kafka.streams.kstream.Grouped;
import org.apache.kafka.streams.kstream.KStream;
import org.apache.kafka.streams.kstream.KTable;
import org.apache.kafka.streams.kstream.Materialized;
import org.apache.kafka.streams.kstream.Produced;
import org.apache.kafka.streams.processor.api.ContextualFixedKeyProcessor;
import org.apache.kafka.streams.processor.api.ContextualProcessor;
import org.apache.kafka.streams.processor.api.FixedKeyProcessor;
import org.apache.kafka.streams.processor.api.FixedKeyProcessorContext;
import org.apache.kafka.streams.processor.api.FixedKeyProcessorSupplier;
import org.apache.kafka.streams.processor.api.FixedKeyRecord;
import org.apache.kafka.streams.processor.api.Processor;
import org.apache.kafka.streams.processor.api.ProcessorContext;
import org.apache.kafka.streams.processor.api.ProcessorSupplier;
import org.apache.kafka.streams.processor.api.Record;
import org.apache.kafka.streams.state.KeyValueIterator;
import org.apache.kafka.streams.state.KeyValueStore;
import org.apache.kafka.streams.state.QueryableStoreTypes;
import org.apache.kafka.streams.state.StoreBuilder;
import org.apache.kafka.streams.state.Stores;

/** Step by step in the DSL, with the library's own settings: a table of sessions, a table of ratings, joined; one record per cell and change. */
final class Plain implements Form {
  private static final String COUNTED = "counted";
  private static final String CELLS = "cells";
  private static final String TOLD = "told";

  private static final Serde<String> TEXT = Serdes.String();
  private static final Serde<byte[]> BYTES = Serdes.ByteArray();
  private static final Serde<Session> SESSION = serde(Session::write, Session::read);
  private static final Serde<Rating> RATING = serde(Rating::write, Rating::read);
  private static final Serde<SessionRow> ROW = serde(SessionRow::write, SessionRow::read);
  private static final Serde<EventId> EVENT_ID = serde(EventId::write, EventId::read);
  private static final Serde<Counts> COUNTS = serde(Counts::write, Counts::read);
  private static final Serde<CellKey> CELL_KEY = serde(CellKey::write, CellKey::read);

  private static <T> Serde<T> serde(BiConsumer<T, Bytes> write, Function<Bytes, T> read) {
    return Serdes.serdeFrom(
        (topic, value) -> {
          if (value == null) {
            return null;
          }
          Bytes to = new Bytes(128);
          write.accept(value, to);
          return to.take();
        },
        (topic, bytes) -> bytes == null ? null : read.apply(new Bytes(bytes)));
  }

  private static <T> Serde<T> json(Function<byte[], T> parse) {
    return Serdes.serdeFrom(
        (topic, value) -> {
          throw new UnsupportedOperationException("events are only read");
        },
        (topic, bytes) -> parse.apply(bytes));
  }

  @Override
  public void build(StreamsBuilder builder, Topics topics) {
    KTable<String, Session> sessions = builder.stream(topics.sessions(), Consumed.with(TEXT, json(EventParser::session)))
        .processValues(new Once<>("session-ids", Session::id))
        .toTable(Materialized.<String, Session>as(Stores.persistentKeyValueStore("sessions")).withKeySerde(TEXT).withValueSerde(SESSION));
    KTable<String, Rating> ratings = builder.stream(topics.ratings(), Consumed.with(TEXT, json(EventParser::rating)))
        .processValues(new Once<>("rating-ids", Rating::id))
        .groupByKey(Grouped.with(TEXT, RATING))
        .reduce((held, next) -> next.after(held) ? next : held,
            Materialized.<String, Rating>as(Stores.persistentKeyValueStore("ratings")).withKeySerde(TEXT).withValueSerde(RATING));
    KStream<CellKey, Counts> changes = sessions.leftJoin(ratings, SessionRow::new).toStream().process(new Change());
    changes.groupByKey(Grouped.with(CELLS, CELL_KEY, COUNTS))
        .aggregate(Counts::new, (key, gain, sum) -> new Counts().add(sum).add(gain),
            Materialized.<CellKey, Counts>as(Stores.persistentKeyValueStore(CELLS)).withKeySerde(CELL_KEY).withValueSerde(COUNTS))
        .toStream()
        .filter((key, counts) -> key.dimension() == Dimension.CATEGORY && counts.bad())
        .process(new TellOnce())
        .to(topics.tasks(), Produced.with(CELL_KEY, BYTES));
  }

  @Override
  public void configure(Properties properties) {}

  @Override
  public void export(KafkaStreams streams, BiConsumer<CellKey, Counts> to) {
    var store = streams.store(StoreQueryParameters.fromNameAndType(CELLS, QueryableStoreTypes.<CellKey, Counts>keyValueStore()));
    try (KeyValueIterator<CellKey, Counts> rows = store.all()) {
      while (rows.hasNext()) {
        KeyValue<CellKey, Counts> row = rows.next();
        to.accept(row.key, row.value);
      }
    }
  }

  private static <K, V> Set<StoreBuilder<?>> store(String name, Serde<K> key, Serde<V> value) {
    return Set.of(Stores.keyValueStoreBuilder(Stores.persistentKeyValueStore(name), key, value));
  }

  /** Lets an event through the first time. */
  private record Once<T>(String name, Function<T, EventId> id) implements FixedKeyProcessorSupplier<String, T, T> {
    @Override
    public FixedKeyProcessor<String, T, T> get() {
      return new ContextualFixedKeyProcessor<>() {
        private KeyValueStore<EventId, Long> seen;

        @Override
        public void init(FixedKeyProcessorContext<String, T> context) {
          super.init(context);
          seen = context.getStateStore(name);
        }

        @Override
        public void process(FixedKeyRecord<String, T> event) {
          if (seen.putIfAbsent(id.apply(event.value()), event.timestamp()) == null) {
            context().forward(event);
          }
        }
      };
    }

    @Override
    public Set<StoreBuilder<?>> stores() {
      return store(name, EVENT_ID, Serdes.Long());
    }
  }

  /** From what a session and its rating are now to what its cells gain by that. */
  private static final class Change implements ProcessorSupplier<String, SessionRow, CellKey, Counts> {
    @Override
    public Processor<String, SessionRow, CellKey, Counts> get() {
      return new ContextualProcessor<>() {
        private KeyValueStore<String, SessionRow> counted;

        @Override
        public void init(ProcessorContext<CellKey, Counts> context) {
          super.init(context);
          counted = context.getStateStore(COUNTED);
        }

        @Override
        public void process(Record<String, SessionRow> joined) {
          SessionRow now = joined.value();
          SessionRow before = counted.get(joined.key());
          if (before != null && (now.rating == null || before.rating != null && before.rating.id().equals(now.rating.id()))) {
            return;
          }
          Map<CellKey, Counts> gains = new HashMap<>();
          String tenant = now.session.tenant();
          long hour = Dimension.hour(now.session);
          Cells cells = (dimension, value) -> gains.computeIfAbsent(new CellKey(tenant, dimension, hour, value), absent -> new Counts());
          cells.add(now.session, before == null, before == null ? null : before.rating, now.rating);
          gains.forEach((key, gain) -> context().forward(joined.withKey(key).withValue(gain)));
          counted.put(joined.key(), now);
        }
      };
    }

    @Override
    public Set<StoreBuilder<?>> stores() {
      return store(COUNTED, TEXT, ROW);
    }
  }

  /** A task for the first time a window is bad. */
  private static final class TellOnce implements ProcessorSupplier<CellKey, Counts, CellKey, byte[]> {
    @Override
    public Processor<CellKey, Counts, CellKey, byte[]> get() {
      return new ContextualProcessor<>() {
        private KeyValueStore<CellKey, Long> told;

        @Override
        public void init(ProcessorContext<CellKey, byte[]> context) {
          super.init(context);
          told = context.getStateStore(TOLD);
        }

        @Override
        public void process(Record<CellKey, Counts> bad) {
          if (told.putIfAbsent(bad.key(), bad.timestamp()) == null) {
            String task = bad.key().csv() + ',' + bad.value().csv();
            context().forward(bad.withValue(task.getBytes(StandardCharsets.UTF_8)));
          }
        }
      };
    }

    @Override
    public Set<StoreBuilder<?>> stores() {
      return store(TOLD, CELL_KEY, Serdes.Long());
    }
  }
}
