package io.millrace.model.text.data;

import io.millrace.model.text.Example;
import io.millrace.model.text.Tokenizer;
import io.millrace.model.text.row.DataLine;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.OptionalInt;

/**
 * A task and its answer, which is scored: {@code instruction}, {@code input} (which may be empty or
 * missing) and {@code output}, and of LLaMA-Factory's files {@code system} and {@code history},
 * pairs of earlier turns. A model with a chat template is asked through it, {@code input} on a line
 * of its own behind {@code instruction}. Others get the prompt that Alpaca was trained with, and
 * the answer ends with the end mark.
 */
final class InstructionRows implements ExampleMaker {
    private static final String HEAD =
            "Below is an instruction that describes a task%s. Write a response that appropriately"
                    + " completes the request.\n\n### Instruction:\n%s\n\n";
    private static final String WITH_INPUT = ", paired with an input that provides further context";

    private final Making making;
    private final ChatRows chats;
    private final ScoredText scored;
    private final boolean talks;

    InstructionRows(Making making) {
        this.making = making;
        chats = new ChatRows(making);
        scored = new ScoredText(making);
        talks = making.tokenizer().hasChat();
    }

    @Override
    public void add(DataLine row) {
        String instruction = row.text("instruction");
        String input = row.string("input", "");
        String output = row.text("output");
        if (talks) {
            String asked = input.isEmpty() ? instruction : instruction + "\n" + input;
            chats.addMessages(row, "instruction", messages(row, asked, output));
            return;
        }
        if (row.has("history") && !row.list("history").isEmpty()) {
            throw row.bad(
                    "history",
                    "wants a chat template, and the model has none",
                    "add the model's chat_template.jinja, or remove the field");
        }
        String prompt =
                String.format(HEAD, input.isEmpty() ? "" : WITH_INPUT, instruction)
                        + (input.isEmpty() ? "" : "### Input:\n" + input + "\n\n")
                        + "### Response:";
        Continuations.Made made = scored.of(row, "output", prompt, List.of(output));
        making.gathered().add(ended(made.examples().getFirst()), made.cut());
    }

    private static List<?> messages(DataLine row, String asked, String output) {
        List<Object> messages = new ArrayList<>();
        if (!row.string("system", "").isEmpty()) {
            messages.add(ChatRows.message("system", row.string("system")));
        }
        if (row.has("history")) {
            for (Object turn : row.list("history")) {
                if (!(turn instanceof List<?> pair)
                        || pair.size() != 2
                        || !(pair.get(0) instanceof String said)
                        || !(pair.get(1) instanceof String answered)) {
                    throw row.bad(
                            "history",
                            "has a turn that is no pair of texts",
                            "write [[\"question\", \"answer\"], ...]");
                }
                messages.add(ChatRows.message("user", said));
                messages.add(ChatRows.message("assistant", answered));
            }
        }
        messages.add(ChatRows.message("user", asked));
        messages.add(ChatRows.message("assistant", output));
        return messages;
    }

    /** With the end mark, where there is one and room for it. */
    private Example ended(Example example) {
        OptionalInt eos = making.tokenizer().special().eos();
        if (eos.isEmpty() || example.length() >= making.options().seqLen()) {
            return example;
        }
        int[] labels = Arrays.copyOf(example.labels(), example.length() + 1);
        labels[example.length()] = eos.getAsInt();
        int[] ids = Tokenizer.concat(example.ids(), new int[] {eos.getAsInt()});
        return new Example(ids, labels);
    }
}
