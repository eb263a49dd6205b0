package echoloop.peer;

/** Keys as bytes: (tenant, dimension, hour), which deltas travel by, and (tenant, dimension, hour, value), which counts are kept by. */
record CellKey(String tenant, Dimension dimension, long hour, String value) {
  static byte[] group(Bytes writer, String tenant, Dimension dimension, long hour) {
    writer.putText(tenant);
    writer.put((byte) dimension.ordinal());
    writer.putNumber(hour);
    return writer.take();
  }

  void write(Bytes to) {
    to.putText(tenant);
    to.put((byte) dimension.ordinal());
    to.putNumber(hour);
    to.putText(value);
  }

  /** From all that is left; the value of a group is "". */
  static CellKey read(Bytes from) {
    return new CellKey(from.getText(), Dimension.DIMENSIONS[from.get()], from.getNumber(), from.more() ? from.getText() : "");
  }

  String csv() {
    return dimension.csv(tenant, value, hour);
  }
}
