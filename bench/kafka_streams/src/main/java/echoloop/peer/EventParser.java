package echoloop.peer;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;

/** Events in the peer's form. Streaming, and texts nobody asks for are not decoded. */
final class EventParser {
  private static final JsonFactory JSON = new JsonFactory();
  private static final long DAY_MS = 86_400_000;

  private EventParser() {}

  static Session session(byte[] json) {
    String id = null;
    String time = null;
    String tenant = null;
    String channel = null;
    String agent = null;
    String department = null;
    String category = null;
    long queuedMs = 0;
    long handleMs = 0;
    try (JsonParser parser = JSON.createParser(json)) {
      parser.nextToken();
      for (String name = parser.nextFieldName(); name != null; name = parser.nextFieldName()) {
        switch (name) {
          case "id" -> id = parser.nextTextValue();
          case "time" -> time = parser.nextTextValue();
          case "tenant" -> tenant = parser.nextTextValue();
          case "channel" -> channel = parser.nextTextValue();
          case "agent_id" -> agent = parser.nextTextValue();
          case "department" -> department = parser.nextTextValue();
          case "category" -> category = parser.nextTextValue();
          case "queued_ms" -> queuedMs = parser.nextLongValue(0);
          case "handle_ms" -> handleMs = parser.nextLongValue(0);
          default -> skip(parser);
        }
      }
    } catch (IOException error) {
      throw new UncheckedIOException(error);
    }
    return new Session(EventId.parse(id), timeMs(time), tenant, channel, agent, department, category, queuedMs, handleMs);
  }

  static Rating rating(byte[] json) {
    String id = null;
    String time = null;
    int score = 0;
    Rating.Resolved resolved = Rating.Resolved.UNANSWERED;
    List<String> tags = List.of();
    try (JsonParser parser = JSON.createParser(json)) {
      parser.nextToken();
      for (String name = parser.nextFieldName(); name != null; name = parser.nextFieldName()) {
        switch (name) {
          case "id" -> id = parser.nextTextValue();
          case "time" -> time = parser.nextTextValue();
          case "score" -> score = parser.nextIntValue(0);
          case "resolved" -> resolved = parser.nextTextValue().equals("yes") ? Rating.Resolved.YES : Rating.Resolved.NO;
          case "tags" -> tags = texts(parser);
          default -> skip(parser);
        }
      }
    } catch (IOException error) {
      throw new UncheckedIOException(error);
    }
    return new Rating(EventId.parse(id), timeMs(time), score, resolved, tags);
  }

  private static List<String> texts(JsonParser parser) throws IOException {
    List<String> texts = new ArrayList<>(3);
    parser.nextToken();
    while (parser.nextToken() != JsonToken.END_ARRAY) {
      texts.add(parser.getText());
    }
    return texts;
  }

  private static void skip(JsonParser parser) throws IOException {
    parser.nextToken();
    parser.skipChildren();
  }

  /** 2026-03-01T00:00:00.000Z without the detour over calendar objects; any other form with it. */
  static long timeMs(String text) {
    if (text.length() != 24 || text.charAt(19) != '.' || text.charAt(23) != 'Z') {
      return Instant.parse(text).toEpochMilli();
    }
    long year = number(text, 0, 4);
    long month = number(text, 5, 7);
    // Years that begin in March: the day that comes and goes is the last one.
    long shifted = month > 2 ? year : year - 1;
    long day = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + number(text, 8, 10) - 1;
    long days = 365 * shifted + shifted / 4 - shifted / 100 + shifted / 400 + day - 719_468;
    return days * DAY_MS + number(text, 11, 13) * 3_600_000 + number(text, 14, 16) * 60_000 + number(text, 17, 19) * 1000 + number(text, 20, 23);
  }

  private static long number(String text, int begin, int end) {
    long value = 0;
    for (int i = begin; i < end; i++) {
      value = 10 * value + text.charAt(i) - '0';
    }
    return value;
  }
}
