package io.millrace.bench;

import io.millrace.executor.batch.MicroBatch;
import io.millrace.executor.batch.MicroBatches;
import io.millrace.executor.config.TuneConfig;
import io.millrace.executor.objective.LossSink;
import io.millrace.executor.place.ModelSession;
import io.millrace.executor.run.TrainingData;
import io.millrace.executor.step.Forward;
import io.millrace.executor.step.ForwardRequest;
import io.millrace.executor.step.ScratchSize;
import io.millrace.executor.step.UpdateLog;
import io.millrace.model.program.ModelProgram;
import io.millrace.model.text.Batch;
import io.millrace.model.text.Dataset;
import io.millrace.optim.estimate.Questions;
import io.millrace.optim.update.MezoSgd;
import io.millrace.telemetry.StepMeter;
import io.millrace.telemetry.StepOverlap;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Optional;

/**
 * Bare inference: the losses of a run's first batch at θ, several times in one pass, by the same
 * engine. No z, no update, nothing written.
 */
final class PlainForward {
    private static final int LEFT_OUT = 2; // as of a run

    private PlainForward() {}

    /**
     * Takes passes that count as steps.
     *
     * @param config the run whose batch and memory they have
     * @param times that a pass has the batch in it
     * @return as many as are asked for, warm ones
     */
    static List<StepOverlap> take(TuneConfig config, int times, int count) {
        try (ModelSession session =
                ModelSession.open(config.model(), Optional.empty(), config.memory())) {
            ModelProgram program = session.checkpoint().program();
            Dataset data =
                    TrainingData.read(
                            config.data().train(), config.data().task(), config.model(), program);
            Batch batch = Batch.of(data.examples().subList(0, config.data().batchSize()));
            session.checkpoint().scan();
            Forward forward =
                    session.startPlain(
                            ScratchSize.batches(
                                    times * batch.rows(),
                                    batch.rows(),
                                    batch.maxLength(),
                                    Questions.each(1, 1)));
            MicroBatch whole = MicroBatches.scoring(batch, batch.rows()).getFirst();
            List<MicroBatch> all = Collections.nCopies(times, whole);
            UpdateLog nothing = new UpdateLog(new MezoSgd());
            LossSink sink = new LossSink();
            StepMeter meter = new StepMeter(session.spans());
            List<StepOverlap> taken = new ArrayList<>();
            for (int i = 0; i < LEFT_OUT + count; i++) {
                meter.begin();
                sink.prepare(ForwardRequest.AT_THETA, MicroBatches.headRowCount(all));
                forward.run(ForwardRequest.plain(all, nothing), sink);
                taken.add(meter.end());
            }
            return taken.subList(LEFT_OUT, taken.size());
        }
    }
}
