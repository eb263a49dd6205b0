package echoloop.peer;

import java.util.HashMap;
import java.util.Map;
import org.apache.kafka.streams.processor.StateStore;
import org.apache.kafka.streams.processor.StateStoreContext;
import org.apache.kafka.streams.processor.api.ProcessorContext;
import org.apache.kafka.streams.processor.api.Record;
import org.apache.kafka.streams.processor.internals.InternalProcessorContext;
import org.apache.kafka.streams.processor.internals.ProcessorNode;
import org.apache.kafka.streams.state.StoreBuilder;
import org.apache.kafka.streams.state.internals.CacheFlushListener;
import org.apache.kafka.streams.state.internals.CachedStateStore;

/**
 * Deltas of one task, added up until its next commit and then forwarded, before the transaction ends: nothing of them has to be kept.
 * That is what the caches of the DSL do, in the only way there is to learn of a commit: a store that says it has a cache.
 * One record per (tenant, hour, dimension) holds the deltas of all values.
 */
final class DeltaBuffer implements StateStore, CachedStateStore<byte[], byte[]> {
  private record Group(String tenant, long hour) {}

  private record Gains(Map<String, Counts>[] byDimension) implements Cells {
    @SuppressWarnings({"unchecked", "rawtypes"})
    Gains() {
      this(new Map[Dimension.DIMENSIONS.length]);
      for (int i = 0; i < byDimension.length; i++) {
        byDimension[i] = new HashMap<>();
      }
    }

    @Override
    public Counts of(Dimension dimension, String value) {
      return byDimension[dimension.ordinal()].computeIfAbsent(value, absent -> new Counts());
    }
  }

  private final String name;
  private final Map<Group, Gains> groups = new HashMap<>();
  private final Bytes writer = new Bytes(1 << 16);
  private InternalProcessorContext<byte[], byte[]> context;
  private ProcessorNode<?, ?, ?, ?> node;
  private boolean open;

  private DeltaBuffer(String name) {
    this.name = name;
  }

  static StoreBuilder<DeltaBuffer> builder(String name) {
    return new Builder(name);
  }

  /** To be called from the init of the processor that forwards. */
  void forwardFrom(ProcessorContext<byte[], byte[]> processor) {
    context = (InternalProcessorContext<byte[], byte[]>) processor;
    node = context.currentNode();
  }

  Cells cells(String tenant, long hour) {
    return groups.computeIfAbsent(new Group(tenant, hour), absent -> new Gains());
  }

  @Override
  public void flushCache() {
    if (groups.isEmpty()) {
      return;
    }
    ProcessorNode<?, ?, ?, ?> before = context.currentNode();
    context.setCurrentNode(node);
    long now = context.currentStreamTimeMs();
    for (Map.Entry<Group, Gains> group : groups.entrySet()) {
      for (Dimension dimension : Dimension.DIMENSIONS) {
        Map<String, Counts> gains = group.getValue().byDimension()[dimension.ordinal()];
        if (gains.isEmpty()) {
          continue;
        }
        byte[] key = CellKey.group(writer, group.getKey().tenant(), dimension, group.getKey().hour());
        gains.forEach((value, counts) -> {
          writer.putText(value);
          counts.write(writer);
        });
        context.forward(new Record<>(key, writer.take(), now));
      }
    }
    groups.clear();
    context.setCurrentNode(before);
  }

  @Override
  public void clearCache() {
    groups.clear();
  }

  @Override
  public boolean setFlushListener(CacheFlushListener<byte[], byte[]> listener, boolean sendOldValues) {
    return false;
  }

  @Override
  public String name() {
    return name;
  }

  @Override
  public void init(StateStoreContext of, StateStore root) {
    open = true;
    of.register(root, (key, value) -> {});
  }

  @Override
  public void flush() {}

  /** What is left then belongs to a transaction that was given up. */
  @Override
  public void close() {
    groups.clear();
    open = false;
  }

  @Override
  public boolean persistent() {
    return false;
  }

  @Override
  public boolean isOpen() {
    return open;
  }

  private record Builder(String name) implements StoreBuilder<DeltaBuffer> {
    @Override
    public StoreBuilder<DeltaBuffer> withCachingEnabled() {
      return this;
    }

    @Override
    public StoreBuilder<DeltaBuffer> withCachingDisabled() {
      return this;
    }

    @Override
    public StoreBuilder<DeltaBuffer> withLoggingEnabled(Map<String, String> config) {
      throw new UnsupportedOperationException("deltas do not outlive a transaction");
    }

    @Override
    public StoreBuilder<DeltaBuffer> withLoggingDisabled() {
      return this;
    }

    @Override
    public DeltaBuffer build() {
      return new DeltaBuffer(name);
    }

    @Override
    public Map<String, String> logConfig() {
      return Map.of();
    }

    @Override
    public boolean loggingEnabled() {
      return false;
    }
  }
}
