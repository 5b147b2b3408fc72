package io.millrace.model.text.data;

import io.millrace.model.text.Chat;
import io.millrace.model.text.Example;
import io.millrace.model.text.Tokenizer;
import io.millrace.model.text.jinja.ChatTemplate;
import io.millrace.model.text.jinja.TemplateException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;

/**
 * Conversations of which the answers are scored: what the template marks as generated, or, where it
 * marks nothing, what each assistant's message adds behind the opening that the template writes for
 * an answer, its end marks included.
 *
 * <p>An answer whose message says {@code "train": false} or {@code "weight": 0} is read and not
 * scored.
 *
 * <p>Some templates write an earlier answer otherwise than the last one (they leave its reasoning
 * out). A conversation through such a template makes an example for each answer, as the model sees
 * it when it answers.
 */
final class ChatExamples {
    private final Tokenizer tokenizer;
    private final Chat chat;

    ChatExamples(Tokenizer tokenizer) {
        this.tokenizer = tokenizer;
        chat = tokenizer.chat();
    }

    /**
     * The examples of a conversation, of any length.
     *
     * @param messages in order
     * @param tools what the model may call, or null
     * @return none where no message is an assistant's
     */
    List<Example> of(List<?> messages, Object tools) {
        ChatTemplate.Rendered all = chat.render(messages, tools, false);
        if (!all.generated().isEmpty()) {
            return List.of(example(all.text(), wanted(messages, all.generated())));
        }
        List<ChatTemplate.Span> answers = new ArrayList<>();
        List<Example> apart = new ArrayList<>();
        boolean isOne = true;
        for (int i = 0; i < messages.size(); i++) {
            if (!isAnswer(messages.get(i))) {
                continue;
            }
            String before = chat.render(messages.subList(0, i), tools, true).text();
            String behind = chat.render(messages.subList(0, i + 1), tools, false).text();
            ChatTemplate.Span answer =
                    new ChatTemplate.Span(sharedLength(before, behind), behind.length());
            isOne &= all.text().startsWith(behind);
            if (isScored(messages.get(i))) {
                answers.add(answer);
                apart.add(example(behind, List.of(answer)));
            }
        }
        if (answers.isEmpty()) {
            return List.of();
        }
        return isOne ? List.of(example(all.text(), answers)) : List.copyOf(apart);
    }

    /** The marked parts of the answers that are to be scored. */
    private static List<ChatTemplate.Span> wanted(
            List<?> messages, List<ChatTemplate.Span> generated) {
        List<?> said = messages.stream().filter(ChatExamples::isAnswer).toList();
        if (said.stream().allMatch(ChatExamples::isScored)) {
            return generated;
        }
        if (said.size() != generated.size()) {
            throw new TemplateException(
                    "marks "
                            + generated.size()
                            + " parts as generated for "
                            + said.size()
                            + " answers, so that which is not to be scored cannot be told");
        }
        List<ChatTemplate.Span> wanted = new ArrayList<>();
        for (int i = 0; i < said.size(); i++) {
            if (isScored(said.get(i))) {
                wanted.add(generated.get(i));
            }
        }
        return wanted;
    }

    /** Whether a message is to be scored: its flag, where it has one. */
    private static boolean isScored(Object message) {
        Map<?, ?> fields = (Map<?, ?>) message;
        Object train = fields.get("train") == null ? fields.get("training") : fields.get("train");
        boolean kept = !(train instanceof Boolean flag) || flag;
        return kept
                && !(fields.get("weight") instanceof Number weight && weight.doubleValue() == 0);
    }

    private static boolean isAnswer(Object message) {
        return message instanceof Map<?, ?> map && "assistant".equals(map.get("role"));
    }

    /**
     * An opening may promise more than an answer has, such as reasoning: where they part counts.
     */
    private static int sharedLength(String a, String b) {
        int shared = Arrays.mismatch(a.toCharArray(), b.toCharArray());
        return shared < 0 ? a.length() : shared;
    }

    private Example example(String text, List<ChatTemplate.Span> answers) {
        Tokenizer.Placed placed = tokenizer.encodePlaced(text);
        int[] labels = new int[placed.ids().length];
        Arrays.fill(labels, Example.NOT_SCORED);
        for (ChatTemplate.Span answer : answers) {
            int start = text.codePointCount(0, answer.start());
            int end = text.codePointCount(0, answer.end());
            for (int i = 0; i < labels.length; i++) {
                if (placed.starts()[i] < end && placed.ends()[i] > start) {
                    labels[i] = placed.ids()[i];
                }
            }
        }
        return new Example(placed.ids(), labels);
    }
}
