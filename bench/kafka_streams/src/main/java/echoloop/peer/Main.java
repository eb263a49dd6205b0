package echoloop.peer;

import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** `load` fills the two topics from lines of standard input, `run` computes from them, measures and exports. Options: --NAME VALUE. */
public final class Main {
  private Main() {}

  public static void main(String[] words) throws Exception {
    Map<String, String> options = new HashMap<>();
    for (int i = 1; i + 1 < words.length; i += 2) {
      if (!words[i].startsWith("--")) {
        throw new IllegalArgumentException("not an option: " + words[i]);
      }
      options.put(words[i].substring(2), words[i + 1]);
    }
    String brokers = option(options, "brokers");
    Form.Topics topics = new Form.Topics(option(options, "sessions"), option(options, "ratings"), options.get("tasks"));
    switch (words[0]) {
      case "holds" -> System.out.println(Load.held(brokers, List.of(topics.sessions(), topics.ratings())));
      case "load" -> Load.load(brokers, List.of(topics.sessions(), topics.ratings()), System.in);
      case "run" -> new Run(brokers, topics, options).run();
      default -> throw new IllegalArgumentException("load, holds or run, not " + words[0]);
    }
  }

  static String option(Map<String, String> options, String name) {
    String value = options.get(name);
    if (value == null) {
      throw new IllegalArgumentException("--" + name + " is missing");
    }
    return value;
  }
}
