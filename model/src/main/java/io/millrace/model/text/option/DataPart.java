package io.millrace.model.text.option;

import java.util.List;

/** What data is for, which tells the files of a folder that are meant. */
public enum DataPart {
    /** To tune on. */
    TRAIN(List.of("train", "training")),
    /** To be judged by. */
    HELD_OUT(List.of("validation", "valid", "val", "dev", "eval", "test"));

    private final List<String> splits;

    DataPart(List<String> splits) {
        this.splits = splits;
    }

    /** The names of splits, of which the first that a folder has is meant. */
    public List<String> splits() {
        return splits;
    }
}
