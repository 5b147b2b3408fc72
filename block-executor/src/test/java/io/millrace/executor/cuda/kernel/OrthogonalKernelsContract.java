package io.millrace.executor.cuda.kernel;

import static org.assertj.core.api.Assertions.assertThat;

import io.millrace.executor.cpu.param.FactorKernels;
import io.millrace.executor.cpu.param.FactorTrack;
import io.millrace.executor.cpu.param.GramSchmidt;
import io.millrace.executor.cpu.param.NewtonSchulz;
import io.millrace.memory.DType;
import io.millrace.optim.direction.FactoredDirection;
import io.millrace.optim.direction.ProjectedDirection;
import io.millrace.optim.update.Decay;
import io.millrace.optim.update.FactorSchedule;
import io.millrace.optim.update.Update;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Steps along estimates that Newton–Schulz made orthogonal: the same bits as the CPU's. */
abstract class OrthogonalKernelsContract {
    private static final int TENSOR = 5;
    private static final int WINDOW = 2;

    private final long seed = Long.getLong("test.seed", System.nanoTime());
    private final Random random = new Random(seed);
    private CudaRig rig;
    private OrthogonalKernels kernels;

    @BeforeEach
    void open() {
        rig = new CudaRig();
        long stream = rig.device().compute().handle();
        kernels =
                rig.own(new OrthogonalKernels(rig.device().api(), rig.kernels().module(), stream));
    }

    @AfterEach
    void close() {
        rig.close();
    }

    @ParameterizedTest
    @CsvSource({"1, 40, 33, 5", "6, 50, 77, 5", "24, 31, 30, 3", "7, 12, 300, 0"})
    void gathersAlongWhatIsMadeOrthogonal(int mostRank, int rows, int columns, int iterations) {
        FactoredDirection direction = new ProjectedDirection(seed, mostRank, WINDOW);
        int rank = direction.rank(rows, columns);
        float[] sums = new float[rank * columns];
        FactorTrack track =
                FactorTrack.ofMatrix(
                        direction,
                        WINDOW,
                        TENSOR,
                        rows,
                        columns,
                        MemorySegment.ofArray(sums),
                        Optional.empty());
        FactorSchedule schedule = new FactorSchedule(direction, WINDOW, false);
        CudaRig.Place gathered = rig.poisoned(4L * sums.length);
        CudaRig.Place estimates = rig.poisoned(8L * sums.length);
        CudaRig.Place squares = rig.poisoned(16L * rank * rank);
        OrthogonalKernels.Work work =
                new OrthogonalKernels.Work(
                        estimates.address(),
                        estimates.address() + 4L * sums.length,
                        squares.address());
        FactorKernels cpu = new FactorKernels(rank);
        for (Update update : updates(5, iterations)) {
            track.aim(update.step());
            FactorTrack.Leg leg = track.orthogonalLeg(update, orthogonal(track, update));
            cpu.advance(track, leg, 0, track.trackRows());
            track.complete(leg);
            schedule.aim(update.step());
            FactorSchedule.Leg part = schedule.leg(List.of(update));
            kernels.gather(
                    new OrthogonalKernels.Estimate(
                            rig.programs().gathering(part.updates(), schedule),
                            TENSOR,
                            direction.coreStream().orElseThrow(),
                            rank,
                            columns,
                            iterations),
                    work,
                    gathered.address());
            schedule.complete(part);
            assertThat(gathered.read())
                    .as("after step %d, seed %d", update.step(), seed)
                    .isEqualTo(CudaRig.pack(DType.F32, sums));
        }
    }

    private static MemorySegment orthogonal(FactorTrack track, Update update) {
        Update.Orthogonal rule = update.orthogonal().orElseThrow();
        int rank = track.rank();
        int columns = (int) track.columns();
        double[] x = new double[columns * GramSchmidt.stride(rank)];
        NewtonSchulz all = new NewtonSchulz(MemorySegment.ofArray(x), rank, columns);
        for (int row = 0; row < rank; row++) {
            all.estimate(track.source(), rule, row);
        }
        all.normalize();
        for (int iteration = 0; iteration < rule.iterations(); iteration++) {
            for (int row = 0; row < rank; row++) {
                all.gram(row);
            }
            for (int row = 0; row < rank; row++) {
                all.square(row);
            }
            all.advance(0, columns);
        }
        MemorySegment out = MemorySegment.ofArray(new float[rank * columns]);
        all.write(0, columns, out);
        return out;
    }

    private List<Update> updates(int count, int iterations) {
        List<Decay> decays = List.of(Decay.NONE, Decay.of(1e-3), Decay.byFactor(1e-3));
        List<Update> updates = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            List<Update.Term> slopes = new ArrayList<>();
            for (int k = 0; k <= i % 3; k++) {
                slopes.add(new Update.Term(random.nextLong(), (float) random.nextGaussian()));
            }
            Update.Orthogonal rule = new Update.Orthogonal(-1e-2f, iterations, slopes);
            updates.add(
                    new Update(
                            1 + i,
                            random.nextLong(),
                            decays.get(i % 3),
                            List.of(new Update.Term(random.nextLong(), 0.5f)), // of vectors
                            Optional.empty(),
                            Optional.empty(),
                            Optional.of(rule)));
        }
        return updates;
    }
}
