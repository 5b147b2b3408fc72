package io.millrace.model.text.task.known;

import io.millrace.model.text.task.MaskTask;
import io.millrace.model.text.task.PromptTask;
import io.millrace.model.text.task.Task;
import io.millrace.model.text.task.decoder.BoolqTask;
import io.millrace.model.text.task.decoder.CbTask;
import io.millrace.model.text.task.decoder.CopaTask;
import io.millrace.model.text.task.decoder.DropTask;
import io.millrace.model.text.task.decoder.MultircTask;
import io.millrace.model.text.task.decoder.RecordTask;
import io.millrace.model.text.task.decoder.RteTask;
import io.millrace.model.text.task.decoder.SquadTask;
import io.millrace.model.text.task.decoder.Sst2Task;
import io.millrace.model.text.task.decoder.WicTask;
import io.millrace.model.text.task.decoder.WscTask;
import io.millrace.model.text.task.masked.MaskedMnliTask;
import io.millrace.model.text.task.masked.MaskedRteTask;
import io.millrace.model.text.task.masked.MaskedSnliTask;
import io.millrace.model.text.task.masked.MaskedSst2Task;
import io.millrace.model.text.task.masked.MaskedSst5Task;
import io.millrace.model.text.task.masked.MaskedTrecTask;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;

/** The tasks by name. A new one is a line here. */
public final class Tasks {
    /** Those of models that go on with a text. */
    public static final List<PromptTask> PROMPTS =
            List.of(
                    new Sst2Task(),
                    new RteTask(),
                    new CbTask(),
                    new BoolqTask(),
                    new WscTask(),
                    new WicTask(),
                    new MultircTask(),
                    new CopaTask(),
                    new RecordTask(),
                    new SquadTask(),
                    new DropTask());

    /** Those of masked language models. */
    public static final List<MaskTask> MASKS =
            List.of(
                    new MaskedSst2Task(),
                    new MaskedSst5Task(),
                    new MaskedSnliTask(),
                    new MaskedMnliTask(),
                    new MaskedRteTask(),
                    new MaskedTrecTask());

    private Tasks() {}

    /** All names, each once. */
    public static List<String> names() {
        return Stream.concat(PROMPTS.stream(), MASKS.stream()).map(Task::name).distinct().toList();
    }

    /** The task of a name for a model that goes on with a text. */
    public static Optional<PromptTask> prompt(String name) {
        return PROMPTS.stream().filter(task -> task.name().equals(name)).findFirst();
    }

    /** The task of a name for a masked language model. */
    public static Optional<MaskTask> mask(String name) {
        return MASKS.stream().filter(task -> task.name().equals(name)).findFirst();
    }
}
