package io.millrace.model.text.data;

import io.millrace.model.text.Example;
import io.millrace.model.text.option.DatasetOptions;
import io.millrace.model.text.row.DataLine;
import java.util.OptionalInt;
import java.util.stream.IntStream;

/**
 * Rows that are tokenised already. Without {@code labels} every token is scored; what {@code
 * attention_mask} masks is padding, wherever it stands, and is left out.
 */
final class TokenRows implements ExampleMaker {
    private final Making making;

    TokenRows(Making making) {
        this.making = making;
    }

    @Override
    public void add(DataLine row) {
        DatasetOptions options = making.options();
        int[] ids = row.ids("input_ids", options.vocabSize(), OptionalInt.empty());
        boolean inPlace = options.answers().isInPlace();
        if (inPlace && !row.has("labels")) {
            throw row.bad(
                    "labels",
                    "is missing, and a masked language model is scored where it has labels alone",
                    "give them, -100 where nothing is scored");
        }
        int[] labels =
                row.has("labels")
                        ? row.ids("labels", options.vocabSize(), OptionalInt.of(Example.NOT_SCORED))
                        : ids;
        if (ids.length != labels.length) {
            throw row.bad(
                    "labels",
                    "has " + labels.length + " entries for " + ids.length + " input_ids",
                    "give one for each, -100 where nothing is scored");
        }
        if (ids.length > options.maxPositions()) {
            throw row.bad(
                    "input_ids",
                    "has " + ids.length + " tokens, the model takes " + options.maxPositions(),
                    "cut the sequence");
        }
        if (ids.length == 0) {
            throw row.bad("input_ids", "is empty", "remove the row");
        }
        if (row.has("attention_mask")) {
            boolean[] kept = row.mask("attention_mask", ids.length);
            ids = kept(ids, kept);
            labels = kept(labels, kept);
        }
        Example example = new Example(ids, labels, inPlace);
        if (example.scoredTokens() == 0) {
            throw row.bad(
                    row.has("labels") ? "labels" : "input_ids",
                    "has nothing to score" + (inPlace ? "" : " behind the first token"),
                    "give at least one label other than -100, or remove the row");
        }
        making.gathered().add(example, 0);
    }

    private static int[] kept(int[] values, boolean[] kept) {
        return IntStream.range(0, values.length).filter(i -> kept[i]).map(i -> values[i]).toArray();
    }
}
