package echoloop.peer;

/** A session.closed event, as far as it is counted. Times in milliseconds since 1970. */
record Session(
    EventId id, long timeMs, String tenant, String channel, String agent, String department, String category, long queuedMs, long handleMs) {

  void write(Bytes to) {
    id.write(to);
    to.putNumber(timeMs);
    to.putText(tenant);
    to.putText(channel);
    to.putText(agent);
    to.putText(department);
    to.putText(category);
    to.putNumber(queuedMs);
    to.putNumber(handleMs);
  }

  static Session read(Bytes from) {
    return new Session(EventId.read(from), from.getNumber(), from.getText(), from.getText(), from.getText(), from.getText(), from.getText(),
        from.getNumber(), from.getNumber());
  }
}
