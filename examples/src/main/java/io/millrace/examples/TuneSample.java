package io.millrace.examples;

import io.millrace.api.Model;
import io.millrace.api.ModelOptions;
import io.millrace.api.TuneListener;
import io.millrace.api.Tuned;
import java.nio.file.Path;

/** Tunes the sample model to tell good reviews from bad ones. */
public final class TuneSample {
    private TuneSample() {}

    /** Takes the folder of the samples, one for the tuned model, and how many steps. */
    // docs: tune
    public static void main(String[] args) {
        ModelOptions task = reviews().set("train", args[0] + "/reviews-train.jsonl");
        task.set("out", args[1]).set("steps", args[2]).set("batch-size", 8);
        task.set("optimizer", "mezo-adam").set("lr", 1.5e-3).set("lr-schedule", "linear");
        TuneListener dots = new Dots();
        Tuned tuned = Model.open(args[0] + "/tiny-lm").tune(task, dots);
        System.out.println(
                tuned.model().evaluate(Path.of(args[0], "reviews-test.jsonl"), accuracy()));
    }

    // docs: end

    private static ModelOptions reviews() {
        return new ModelOptions()
                .set("template", "{text} verdict :")
                .set("label-words", " terrible, great");
    }

    private static ModelOptions accuracy() {
        return reviews().set("metric", "accuracy").set("batch-size", 50);
    }

    /** A dot every hundred steps. */
    private static final class Dots implements TuneListener {
        @Override
        public void onStep(long step, long steps, double loss, double seconds) {
            System.out.print(step % 100 == 0 ? "." : "");
        }
    }
}
