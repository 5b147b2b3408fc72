package io.millrace.model.text.data;

import io.millrace.model.text.Example;
import io.millrace.model.text.jinja.TemplateException;
import io.millrace.model.text.row.DataLine;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;

/**
 * Conversations, of which the assistant's answers are scored: OpenAI's {@code messages} of {@code
 * role} and {@code content}, or ShareGPT's {@code conversations} of {@code from} and {@code value},
 * with {@code system} and {@code tools} beside them. What exceeds the length is cut off at the end.
 */
final class ChatRows implements ExampleMaker {
    private static final String MESSAGES = "messages";
    private static final String CONVERSATIONS = "conversations";

    /** Who speaks in ShareGPT's files, as chat templates call them. */
    private static final Map<String, String> ROLES =
            Map.of(
                    "human", "user",
                    "user", "user",
                    "gpt", "assistant",
                    "chatgpt", "assistant",
                    "bing", "assistant",
                    "assistant", "assistant",
                    "function_call", "assistant",
                    "system", "system",
                    "observation", "tool",
                    "tool", "tool");

    private final Making making;
    private ChatExamples chats;

    ChatRows(Making making) {
        this.making = making;
    }

    @Override
    public void add(DataLine row) {
        String field = row.object().fields().containsKey(MESSAGES) ? MESSAGES : CONVERSATIONS;
        addMessages(row, field, field.equals(MESSAGES) ? row.messages(MESSAGES) : shared(row));
    }

    private static List<?> shared(DataLine row) {
        List<Object> messages = new ArrayList<>();
        if (!row.string("system", "").isEmpty()) {
            messages.add(message("system", row.string("system")));
        }
        for (DataLine turn : row.inners(CONVERSATIONS)) {
            if (!turn.has("from") && turn.has("role")) {
                messages.add(turn.object().fields());
                continue;
            }
            String from = turn.string("from");
            String role = ROLES.get(from);
            if (role == null) {
                throw row.bad(
                        CONVERSATIONS,
                        "has a turn from '" + from + "'",
                        "use human, gpt, system, tool, observation or function_call");
            }
            Map<String, Object> message = new LinkedHashMap<>(turn.object().fields());
            message.remove("from");
            message.remove("value");
            message.put("role", role);
            message.put("content", turn.string("value"));
            messages.add(message);
        }
        return row.with(Map.of(MESSAGES, messages)).messages(MESSAGES);
    }

    static Map<String, Object> message(String role, String content) {
        Map<String, Object> message = new LinkedHashMap<>();
        message.put("role", role);
        message.put("content", content);
        return message;
    }

    /** Adds the examples of a conversation. */
    void addMessages(DataLine row, String field, List<?> messages) {
        if (chats == null) {
            chats = new ChatExamples(making.tokenizer());
        }
        Object tools = row.has("tools") ? row.list("tools") : null;
        List<Example> made;
        try {
            made = chats.of(messages, tools);
        } catch (TemplateException e) {
            throw row.bad(
                    field,
                    "do not pass the model's chat template, which " + e.oneLine(),
                    "mend them");
        }
        if (made.isEmpty()) {
            throw row.bad(field, "has no answer of an assistant", "add one, or remove the row");
        }
        List<Example> kept = made.stream().map(whole -> cut(row, field, whole)).toList();
        IntStream.range(0, made.size())
                .forEach(i ->
                        making.gathered()
                                .add(kept.get(i), made.get(i).length() - kept.get(i).length()));
    }

    private Example cut(DataLine row, String field, Example whole) {
        int seqLen = making.options().seqLen();
        making.options().requireKnown(row.where(), whole.ids());
        int length = Math.min(whole.length(), seqLen);
        Example example =
                new Example(
                        Arrays.copyOf(whole.ids(), length), Arrays.copyOf(whole.labels(), length));
        if (example.scoredTokens() == 0) {
            throw row.bad(
                    field,
                    "has no answer within " + seqLen + " tokens",
                    "raise --seq-len or shorten it");
        }
        return example;
    }
}
