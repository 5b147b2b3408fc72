package io.millrace.executor.config;

import io.millrace.executor.adapter.TensorTrainKind;
import io.millrace.optim.Registry;
import io.millrace.optim.direction.Directions;
import io.millrace.optim.direction.LowRankDirection;
import io.millrace.optim.direction.MembersDirection;
import io.millrace.optim.direction.ProjectedDirection;
import io.millrace.optim.direction.RademacherDirection;
import io.millrace.optim.direction.SingularDirection;
import io.millrace.optim.direction.SubspaceDirection;
import io.millrace.optim.direction.TezoDirection;
import io.millrace.optim.estimate.ConservativeEstimator;
import io.millrace.optim.estimate.Estimators;
import io.millrace.optim.estimate.OneSidedEstimator;
import io.millrace.optim.estimate.PopulationEstimator;
import io.millrace.optim.estimate.SvrgEstimator;
import io.millrace.optim.estimate.ThreePointEstimator;
import io.millrace.optim.mask.Masks;
import io.millrace.optim.optimizer.Optimizers;
import io.millrace.optim.option.Limit;
import io.millrace.optim.option.Option;
import io.millrace.optim.option.OptionTypes;
import io.millrace.optim.option.Settings;
import io.millrace.optim.participation.Participations;
import io.millrace.optim.participation.RandomLayers;
import io.millrace.optim.update.AdaMezo;
import io.millrace.optim.update.Clip;
import io.millrace.optim.update.Dizo;
import io.millrace.optim.update.Helene;
import io.millrace.optim.update.Hizoo;
import io.millrace.optim.update.LozoMomentum;
import io.millrace.optim.update.MezoAdam;
import io.millrace.optim.update.Qzo;
import io.millrace.optim.update.ZoAdam;
import io.millrace.optim.update.ZoMomentum;
import io.millrace.optim.update.ZoMuon;
import io.millrace.optim.update.ZoSign;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Published methods by name. A new one that recombines what there is is an entry here. */
public final class Methods {
    private static final Registry<Method> REGISTRY = registry();

    /** The option that names one. */
    public static final Option<String> METHOD =
            Option.named("method", OptionTypes.TEXT)
                    .label("NAME")
                    .help(
                            "A published method with its defaults: sets --perturbation, --estimator,"
                                    + " --optimizer, --blocks and their options. What is given beside"
                                    + " it wins. 'millrace methods' lists them.")
                    .limit(Limit.knownTo(REGISTRY))
                    .build();

    private Methods() {}

    private static Registry<Method> registry() {
        Map<String, Method> methods = new LinkedHashMap<>();
        for (Method method :
                List.of(
                        new Method("mezo", "arXiv 2305.17333", Settings.NONE),
                        rule("mezo-adam", "arXiv 2305.17333, with one moment", MezoAdam.NAME),
                        factored("lozo", "arXiv 2410.07698", LowRankDirection.NAME, 2, 50),
                        lozoMomentum(),
                        factored("subzero", "arXiv 2410.08989", SubspaceDirection.NAME, 24, 1000),
                        factored("tezo", "arXiv 2501.19057", TezoDirection.NAME, 64, 1000),
                        new Method(
                                "svfit",
                                "arXiv 2409.05926, without gradients",
                                thin(SingularDirection.NAME, 16, 1000)
                                        .with(TrainedTensors.TUNE, TrainedTensors.MATRICES)),
                        fzooLowRank(),
                        new Method(
                                "lezo",
                                "arXiv 2410.09823",
                                Settings.NONE
                                        .with(Participations.KINDS.naming(), RandomLayers.NAME)
                                        .with(RandomLayers.FROZEN, 0.75)),
                        new Method(
                                "fzoo",
                                "arXiv 2506.09034",
                                Settings.NONE
                                        .with(Directions.KINDS.naming(), RademacherDirection.NAME)
                                        .with(Estimators.KINDS.naming(), OneSidedEstimator.NAME)
                                        .with(Estimators.QUERIES, 8)
                                        .with(Estimators.NORMALIZE, true)),
                        new Method(
                                "es",
                                "arXiv 2509.24372",
                                Settings.NONE
                                        .with(Estimators.KINDS.naming(), PopulationEstimator.NAME)
                                        .with(Estimators.QUERIES, 30)),
                        eggroll(),
                        zoMuon(),
                        new Method(
                                "mezo-svrg",
                                "arXiv 2404.08080, with a true anchor",
                                Settings.NONE
                                        .with(Estimators.KINDS.naming(), SvrgEstimator.NAME)
                                        .with(Estimators.ANCHOR_EVERY, 2)
                                        .with(Estimators.ANCHOR_BATCH, 512)),
                        adaZeta(),
                        new Method(
                                "zo-conservative",
                                "arXiv 2402.11592",
                                Settings.NONE.with(
                                        Estimators.KINDS.naming(), ConservativeEstimator.NAME)),
                        new Method(
                                "sparse-mezo",
                                "arXiv 2402.15751",
                                Settings.NONE
                                        .with(Masks.KINDS.naming(), "magnitude")
                                        .with(Masks.DENSITY, 0.25)),
                        new Method(
                                "senszoq",
                                "arXiv 2406.02913",
                                Settings.NONE.with(Masks.KINDS.naming(), "indices")),
                        new Method(
                                "hizoo",
                                "arXiv 2402.15173",
                                Settings.NONE
                                        .with(Estimators.KINDS.naming(), ThreePointEstimator.NAME)
                                        .with(Optimizers.KINDS.naming(), Hizoo.NAME)),
                        rule("helene", "arXiv 2411.10696", Helene.NAME),
                        rule("dizo", "arXiv 2502.03304", Dizo.NAME),
                        rule("adamezo", "AdaMeZO's published code", AdaMezo.NAME),
                        qzo(),
                        rule("r-adazo", "R-AdaZO", ZoAdam.REFINED),
                        rule("zo-sign", "arXiv 2402.11592", ZoSign.NAME),
                        rule("zo-momentum", "arXiv 2402.11592", ZoMomentum.NAME),
                        rule("zo-adam", "arXiv 2402.11592", ZoAdam.NAME))) {
            methods.put(method.name(), method);
        }
        FirstOrderMethods.all().forEach(method -> methods.put(method.name(), method));
        return new Registry<>("--method", methods);
    }

    private static Method qzo() {
        return new Method(
                Qzo.NAME,
                "arXiv 2505.13430",
                Settings.NONE
                        .with(TrainedTensors.TUNE, TrainedTensors.SCALES)
                        .with(Optimizers.KINDS.naming(), Qzo.NAME)
                        .with(Clip.BOUND, 100.0));
    }

    private static Method rule(String name, String source, String optimizer) {
        return new Method(name, source, Settings.NONE.with(Optimizers.KINDS.naming(), optimizer));
    }

    private static Method factored(
            String name, String source, String direction, int rank, int window) {
        return new Method(name, source, thin(direction, rank, window));
    }

    private static Settings thin(String direction, int rank, int window) {
        return Settings.NONE
                .with(Directions.KINDS.naming(), direction)
                .with(LowRankDirection.RANK, rank)
                .with(LowRankDirection.WINDOW, window);
    }

    private static Method lozoMomentum() {
        return new Method(
                "lozo-m",
                "arXiv 2410.07698",
                thin(LowRankDirection.NAME, 2, 50)
                        .with(Optimizers.KINDS.naming(), LozoMomentum.NAME));
    }

    /** Many directions that share one product with the weights as they are stored. */
    private static Method fzooLowRank() {
        return new Method(
                "fzoo-low-rank",
                "a combination of fzoo and lozo",
                thin(LowRankDirection.NAME, 2, 50)
                        .with(Estimators.KINDS.naming(), OneSidedEstimator.NAME)
                        .with(Estimators.QUERIES, 32)
                        .with(Estimators.NORMALIZE, true));
    }

    /** A population of thin products that share one product with the stored weights. */
    private static Method eggroll() {
        return new Method(
                "eggroll",
                "arXiv 2511.16652",
                Settings.NONE
                        .with(Directions.KINDS.naming(), MembersDirection.NAME)
                        .with(LowRankDirection.RANK, 1)
                        .with(Estimators.KINDS.naming(), PopulationEstimator.NAME)
                        .with(Estimators.QUERIES, 32)
                        .with(Estimators.MIRRORED, true)
                        .with(TrainedTensors.TUNE, TrainedTensors.MATRICES));
    }

    private static Method zoMuon() {
        return new Method(
                "zo-muon",
                "arXiv 2602.17155",
                thin(ProjectedDirection.NAME, 64, 100)
                        .with(Estimators.KINDS.naming(), OneSidedEstimator.NAME)
                        .with(Estimators.QUERIES, 4)
                        .with(Optimizers.KINDS.naming(), ZoMuon.NAME));
    }

    /** Tensor trains, and more directions with every pass over the data. */
    private static Method adaZeta() {
        return new Method(
                "adazeta",
                "arXiv 2406.18060",
                Settings.NONE
                        .with(TrainedTensors.TUNE, TensorTrainKind.NAME)
                        .with(Estimators.QUERIES, 1)
                        .with(Estimators.QUERIES_GROWTH, 0.4)
                        .with(Estimators.QUERIES_MOST, 15));
    }

    /** All of them, in the order of their names. */
    public static Collection<Method> all() {
        return REGISTRY.all();
    }

    /**
     * One of them.
     *
     * @throws io.millrace.memory.BadInputException when no method has the name
     */
    public static Method named(String name) {
        return REGISTRY.named(name);
    }

    /**
     * What a run is told once the method that it names, if any, lies beneath.
     *
     * @throws io.millrace.memory.BadInputException when no method has the name
     */
    public static Settings resolve(Settings told) {
        return told.find(METHOD)
                .map(name -> REGISTRY.named(name).beneath(told.without(List.of(METHOD))))
                .orElse(told);
    }
}
