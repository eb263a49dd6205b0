package echoloop.peer;

/** What is counted of one (tenant, dimension, value, hour), or what it gains. Mutable, for one thread. */
final class Counts {
  private static final int SESSIONS = 0;
  private static final int SCORES = 1; // to SCORES + 4
  private static final int ANSWERS = 6; // to ANSWERS + 2
  private static final int HANDLE_MS = 9;
  private static final int QUEUED_MS = 10;
  private static final int SIZE = 11;

  private static final int RATINGS_MIN = 20;

  private final long[] numbers = new long[SIZE];

  /** Adds `sign` times a session, without what it is rated. */
  Counts addSession(Session session, int sign) {
    numbers[SESSIONS] += sign;
    numbers[HANDLE_MS] += sign * session.handleMs();
    numbers[QUEUED_MS] += sign * session.queuedMs();
    return this;
  }

  Counts addRating(Rating rating, int sign) {
    numbers[SCORES + rating.score() - 1] += sign;
    numbers[ANSWERS + rating.resolved().ordinal()] += sign;
    return this;
  }

  Counts add(Counts other) {
    for (int i = 0; i < SIZE; i++) {
      numbers[i] += other.numbers[i];
    }
    return this;
  }

  long sessions() {
    return numbers[SESSIONS];
  }

  long ratings() {
    return numbers[SCORES] + numbers[SCORES + 1] + numbers[SCORES + 2] + numbers[SCORES + 3] + numbers[SCORES + 4];
  }

  /** The rule: 20 ratings or more, 30 % of them 1 or 2. */
  boolean bad() {
    long ratings = ratings();
    return ratings >= RATINGS_MIN && 10 * (numbers[SCORES] + numbers[SCORES + 1]) >= 3 * ratings;
  }

  void write(Bytes to) {
    for (long number : numbers) {
      to.putNumber(number);
    }
  }

  static Counts read(Bytes from) {
    return new Counts().add(from);
  }

  /** Adds what was written. */
  Counts add(Bytes from) {
    for (int i = 0; i < SIZE; i++) {
      numbers[i] += from.getNumber();
    }
    return this;
  }

  /** sessions, evaluations, score1 … score5, yes, no, unanswered, handle_ms, queued_ms */
  String csv() {
    StringBuilder text = new StringBuilder().append(numbers[SESSIONS]).append(',').append(ratings());
    for (int i = SCORES; i < SIZE; i++) {
      text.append(',').append(numbers[i]);
    }
    return text.toString();
  }
}
