package echoloop.peer;

import java.util.Map;
import org.apache.kafka.streams.state.RocksDBConfigSetter;
import org.rocksdb.BlockBasedTableConfig;
import org.rocksdb.Cache;
import org.rocksdb.CompressionType;
import org.rocksdb.LRUCache;
import org.rocksdb.Options;
import org.rocksdb.WriteBufferManager;

/** One memory for all stores, larger tables in memory, fast compression. */
public final class RocksDbSettings implements RocksDBConfigSetter {
  private static final Cache CACHE = new LRUCache(768L << 20);
  private static final WriteBufferManager BUFFERS = new WriteBufferManager(512L << 20, CACHE);

  @Override
  public void setConfig(String store, Options options, Map<String, Object> configs) {
    BlockBasedTableConfig table = (BlockBasedTableConfig) options.tableFormatConfig();
    table.setBlockCache(CACHE);
    options.setTableFormatConfig(table);
    options.setWriteBufferManager(BUFFERS);
    options.setWriteBufferSize(32L << 20);
    options.setCompressionType(CompressionType.LZ4_COMPRESSION);
  }

  /** The cache is every store's. */
  @Override
  public void close(String store, Options options) {}
}
