PRAGMA foreign_keys=OFF;
BEGIN TRANSACTION;
CREATE TABLE studies (
	study_id INTEGER NOT NULL, 
	study_name VARCHAR(512) NOT NULL, 
	PRIMARY KEY (study_id)
);
INSERT INTO studies VALUES(1,'numbers');
INSERT INTO studies VALUES(2,'classes');
CREATE TABLE version_info (
	version_info_id INTEGER NOT NULL, 
	schema_version INTEGER, 
	library_version VARCHAR(256), 
	PRIMARY KEY (version_info_id), 
	CHECK (version_info_id=1)
);
INSERT INTO version_info VALUES(1,12,'5.0.0');
CREATE TABLE study_directions (
	study_direction_id INTEGER NOT NULL, 
	direction VARCHAR(8) NOT NULL, 
	study_id INTEGER NOT NULL, 
	objective INTEGER NOT NULL, 
	PRIMARY KEY (study_direction_id), 
	UNIQUE (study_id, objective), 
	FOREIGN KEY(study_id) REFERENCES studies (study_id)
);
INSERT INTO study_directions VALUES(1,'MINIMIZE',1,0);
INSERT INTO study_directions VALUES(2,'MINIMIZE',2,0);
CREATE TABLE study_user_attributes (
	study_user_attribute_id INTEGER NOT NULL, 
	study_id INTEGER, 
	"key" VARCHAR(512), 
	value_json TEXT, 
	PRIMARY KEY (study_user_attribute_id), 
	UNIQUE (study_id, "key"), 
	FOREIGN KEY(study_id) REFERENCES studies (study_id)
);
INSERT INTO study_user_attributes VALUES(1,1,'uid','"12dc68ba3cc64730bcca9b47e2af875e"');
INSERT INTO study_user_attributes VALUES(2,1,'data','{"name": "table.csv", "rows": 90, "n_train": 72, "n_test": 18, "features": ["a", "b", "kind=red", "c"], "target": "y", "sha256": "9d4729440bd50ee86de3aebb85ef26a803f562ef610a73cd4e9f6df7a0b9f60f", "y_std": 0.8855052496820706, "target_label": "y", "aicc_offset": 0.0, "levels": [], "ones": 0}');
INSERT INTO study_user_attributes VALUES(3,1,'baselines','[{"family": "constant", "n_params": 2, "rss_train": 56.456607399444444, "rss_test": 14.346016134583332, "aicc": -13.336039589145113, "rmse_train": 0.8855052496820706, "rmse_test": 0.8927490668523494, "press": 58.05813385414005, "press_se": 5.875858325167236}, {"family": "linear", "n_params": 6, "rss_train": 8.966567335095096, "rss_test": 2.6629219288346926, "aicc": -136.69544263628035, "rmse_train": 0.3528961000519506, "rmse_test": 0.38462983134109985, "press": 10.4222568302771, "press_se": 0.0}, {"family": "stepwise", "n_params": 6.462354363237206, "rss_train": 9.10491234637216, "rss_test": 2.454483964484188, "aicc": -134.46618032532092, "rmse_train": 0.35560809316132774, "rmse_test": 0.3692698474681104, "press": 10.313154193671648, "press_se": 0.28652820970099196}, {"family": "ridge", "n_params": 5.943986842725134, "rss_train": 8.974376916767241, "rss_test": 2.7366754767687977, "aicc": -136.76818883368705, "rmse_train": 0.3530497469819083, "rmse_test": 0.3899198975266015, "press": 10.409045545258431, "press_se": 0.06576294377166642}]');
INSERT INTO study_user_attributes VALUES(4,1,'versions','{"python": "3.11.7", "kanlab": "0.1.0", "pykan": "0.2.8", "torch": "2.13.0+cpu", "numpy": "2.4.6", "scipy": "1.17.1", "optuna": "5.0.0"}');
INSERT INTO study_user_attributes VALUES(5,1,'spec','{"space": {"neuron_num": [1, 2], "grid": [2, 3], "k": [2, 2]}, "engine": "lm", "sampler": "auto", "count": "identifiable", "count_sigma2": true, "trials": null, "minutes": null, "patience": null, "seed": 0, "test_fraction": 0.2, "workers": 1, "options": {"starts": null, "time_limit": null, "early_stopping": true, "smoothing": 1000.0}, "starts_fill": false}');
INSERT INTO study_user_attributes VALUES(6,1,'desired','"run"');
INSERT INTO study_user_attributes VALUES(7,1,'state','{"name": "finished", "detail": "All 4 trials are done.", "elapsed": 2.9171964879997176, "heartbeat": 1795751827.6458483, "host": "elsewhere", "pid": 14852, "started": "489283"}');
INSERT INTO study_user_attributes VALUES(8,1,'appraisal','{"cell": [1, 2, 2, 1], "press": 1.2945742985195934, "press_se": 1.204408191617294, "reduced": {"cell": [1, 2, 2, 1], "below": [], "columns": [0, 1, 2], "n_params": 19, "charge": 2.772588722239781, "aicc": -250.9286585259354, "status": "stalled", "seconds": 0.12835944600010407, "rss_train": 1.022518246991849, "rss_test": 0.3743530195108258, "rmse_train": 0.11917064369772967, "rmse_test": 0.14421300209351323, "press": 1.3257280791011772, "press_se": 1.1885348045716773}}');
INSERT INTO study_user_attributes VALUES(9,1,'judgement','{"state": "done", "written": 1795751866.8009863, "done": 118, "total": 118, "detail": "", "refits": {"1,2,2": [{"seed": 1, "rss_train": 0.9004910980316676, "rss_test": 0.4630496572900955, "extrapolates": 0.0, "seconds": 0.1270255850004105}, {"seed": 2, "rss_train": 0.9004359837355803, "rss_test": 0.4630229303721, "extrapolates": 0.0, "seconds": 0.11971591699966666}, {"seed": 3, "rss_train": 0.9005688916962176, "rss_test": 0.4631620610437792, "extrapolates": 0.0, "seconds": 0.12279387999933533}, {"seed": 4, "rss_train": 0.900319839288713, "rss_test": 0.463106988733543, "extrapolates": 0.0, "seconds": 0.11544915000013134}, {"seed": 5, "rss_train": 0.9010239430751902, "rss_test": 0.4628808868086173, "extrapolates": 0.0, "seconds": 0.0964631279994137}], "1,3,2": [{"seed": 1, "rss_train": 0.739713544573351, "rss_test": 0.45719123549979196, "extrapolates": 0.0, "seconds": 0.08946363300037774}, {"seed": 2, "rss_train": 0.7397009571285418, "rss_test": 0.457191174038841, "extrapolates": 0.0, "seconds": 0.09320967300027405}, {"seed": 3, "rss_train": 0.7396611529504818, "rss_test": 0.45719098627706434, "extrapolates": 0.0, "seconds": 0.11408140000003186}, {"seed": 4, "rss_train": 0.7396668518433173, "rss_test": 0.45719101235534937, "extrapolates": 0.0, "seconds": 0.10780036600044696}, {"seed": 5, "rss_train": 0.7397114812883311, "rss_test": 0.4571912253891084, "extrapolates": 0.0, "seconds": 0.0532829120002134}], "2,2,2": [{"seed": 1, "rss_train": 0.478645639860767, "rss_test": 0.49729966307617646, "extrapolates": 0.0, "seconds": 0.32849261600040336}, {"seed": 2, "rss_train": 0.555332082159766, "rss_test": 0.3599971768606172, "extrapolates": 0.0, "seconds": 0.2917692060000263}, {"seed": 3, "rss_train": 0.4276908019438503, "rss_test": 0.46959560783821147, "extrapolates": 0.0, "seconds": 0.34866647200033185}, {"seed": 4, "rss_train": 0.49252165444940244, "rss_test": 0.3907391596804588, "extrapolates": 0.0, "seconds": 0.3740297800004555}, {"seed": 5, "rss_train": 0.3917065708491152, "rss_test": 0.5743896933429018, "extrapolates": 0.0, "seconds": 0.4053464230000827}], "2,3,2": [{"seed": 1, "rss_train": 0.40921386832708884, "rss_test": 0.5430030640472934, "extrapolates": 0.0, "seconds": 0.4196952839993173}, {"seed": 2, "rss_train": 0.3858383498094757, "rss_test": 0.5503605447150549, "extrapolates": 0.0, "seconds": 0.3506389050007783}, {"seed": 3, "rss_train": 0.4824957156490263, "rss_test": 0.5505147894972667, "extrapolates": 0.0, "seconds": 0.4268455649998941}, {"seed": 4, "rss_train": 0.4922883274264144, "rss_test": 0.43702488255716443, "extrapolates": 0.0, "seconds": 0.3988228869993691}, {"seed": 5, "rss_train": 0.4239825909239894, "rss_test": 0.53780919970566, "extrapolates": 0.0, "seconds": 0.3987343160006276}]}, "folds": {"1,2,2": [0.020798442128744942, 0.022697357603498402, 0.008480277228638273, 0.017468406871466665, 0.012214666609236936], "1,2,2,1 of 0,1,2": [0.029138157972611194, 0.01738812196288058, 0.00929349509493685, 0.01664619520750676, 0.01568031791414503], "1,3,2": [0.01849645549934361, 0.030379153077539512, 0.00897689973659103, 0.015430825813205405, 0.01092173210898103], "2,2,2": [0.019852861012315655, 0.033049949859154465, 0.016439960253980333, 0.012814818146340475, 0.008728513868025107], "2,3,2": [0.028804826370917625, 0.04815682409989504, 0.016982136640054997, 0.023012197613638125, 0.016187320673679405], "constant": [0.7443828757377654, 0.7218074550113881, 1.0976384928639376, 0.8412256142857142, 0.6119900692878376], "linear": [0.10949570071478346, 0.09617492139121032, 0.17119814800995384, 0.17819399927290774, 0.1862456268730913], "ridge": [0.11138781776211491, 0.09779860387808936, 0.1636934901127722, 0.1781137782924706, 0.18727350920315589], "stepwise": [0.1156868241260765, 0.09779129698550339, 0.19880262917768568, 0.17819399927290766, 0.18990397778073143]}, "families": [{"family": "boosting", "n_params": null, "rss_train": 1.9189804571057134, "rss_test": 1.7502891347825535, "aicc": null, "rmse_train": 0.16325595348620664, "rmse_test": 0.3118305393409975, "press": null, "press_se": null}, {"family": "gam", "n_params": 26.79581474958845, "rss_train": 0.6132583394863692, "rss_test": 0.5225832442533633, "aicc": -255.83541179681737, "rmse_train": 0.09229017790269278, "rmse_test": 0.17038897399339015, "press": null, "press_se": null}, {"family": "mlp", "n_params": null, "rss_train": 1.2984835343450207, "rss_test": 1.2554109241116849, "aicc": null, "rmse_train": 0.13429256692970662, "rmse_test": 0.2640928839244595, "press": null, "press_se": null}, {"family": "polynomial", "n_params": 30.56198661579353, "rss_train": 0.43375142124330557, "rss_test": 0.5358509446075083, "aicc": -259.228973441291, "rmse_train": 0.07761652720294764, "rmse_test": 0.17253839260477463, "press": null, "press_se": null}], "dof": {"1,2,2": [18.92737679780275, 12.429427819843898, 13.085134724552121, 16.06395984219788, 16.79914226005297, 10.28402843088844, 9.781427806915096, 12.11513553104461], "1,3,2": [22.04978224032976, 14.311586319712813, 15.768440467495646, 20.724701247449747, 18.650614124919628, 11.607879398374324, 18.840026276443915, 15.992249786614485], "2,2,2": [32.15291792600163, 23.864054574024035, 26.139435793122313, 30.00092164915136, 35.308737688364104, 20.172521861825587, 33.13645293004954, 31.184675827104478]}, "edf": {"1,2,2": 11.25701952438315, "1,3,2": 14.510816456384234, "2,2,2": 23.280821204300175}, "null": {"gain": 233.81698139272282, "permuted": [-58.29221808728528, -56.102970284260394, -54.71515140110597, -54.430172300358095, -53.792255832216455, -53.59357112597152, -52.783547113072046, -50.146364770774184, -48.68624544704092, -47.38097493524073, -46.56229577815027, -46.52902435369391, -45.63369955420718, -45.36005057547655, -45.19242732192461, -43.97228097620092, -42.99986060824824, -40.25567474651196, -39.15715649702925, -36.32789221356583]}, "average": {"rss_train": 0.8919474494701197, "rss_test": 0.43553772525790846, "rmse_train": 0.11130210699002212, "rmse_test": 0.1555523715412466}}');
INSERT INTO study_user_attributes VALUES(10,2,'uid','"96e4a19616494fcbb75143594dd0acf0"');
INSERT INTO study_user_attributes VALUES(11,2,'data','{"name": "table.csv", "rows": 90, "n_train": 72, "n_test": 18, "features": ["a", "b"], "target": "ill", "sha256": "d97c5e00229ac0fc0aee81adf2c1eb029e78f61623b780234581d71f50eda4ff", "y_std": 0.4969039949999533, "target_label": "ill", "aicc_offset": 0.0, "levels": ["False", "True"], "ones": 40}');
INSERT INTO study_user_attributes VALUES(12,2,'baselines','[{"family": "constant", "n_params": 1, "rss_train": 17.77777777777778, "rss_test": 4.444444444444445, "aicc": 100.97960988715741, "rmse_train": null, "rmse_test": null, "press": null, "press_se": null, "deviance_train": 98.92246703001456, "log_loss_train": 0.6869615765973234, "log_loss_test": 0.6869615765973234, "brier_train": 0.2469135802469136, "brier_test": 0.2469135802469136, "accuracy_train": 0.5555555555555556, "accuracy_test": 0.5555555555555556, "auc_train": 0.5, "auc_test": 0.5}, {"family": "linear", "n_params": 3, "rss_train": 6.57601527031041, "rss_test": 1.0093603502338317, "aicc": 53.151952203677574, "rmse_train": null, "rmse_test": null, "press": null, "press_se": null, "deviance_train": 46.79901102720699, "log_loss_train": 0.3249931321333819, "log_loss_test": 0.2105061137305882, "brier_train": 0.09133354542097792, "brier_test": 0.05607557501299065, "accuracy_train": 0.8888888888888888, "accuracy_test": 0.9444444444444444, "auc_train": 0.9375, "auc_test": 1.0}, {"family": "ridge", "n_params": 2.913569794123655, "rss_train": 6.646365314989501, "rss_test": 1.0550267303735354, "aicc": 53.04490718244505, "rmse_train": null, "rmse_test": null, "press": null, "press_se": null, "deviance_train": 46.88282688119883, "log_loss_train": 0.32557518667499186, "log_loss_test": 0.22047034406874916, "brier_train": 0.09231062937485418, "brier_test": 0.05861259613186308, "accuracy_train": 0.8888888888888888, "accuracy_test": 0.9444444444444444, "auc_train": 0.93671875, "auc_test": 1.0}]');
INSERT INTO study_user_attributes VALUES(13,2,'versions','{"python": "3.11.7", "kanlab": "0.1.0", "pykan": "0.2.8", "torch": "2.13.0+cpu", "numpy": "2.4.6", "scipy": "1.17.1", "optuna": "5.0.0"}');
INSERT INTO study_user_attributes VALUES(14,2,'spec','{"space": {"neuron_num": [1, 2], "grid": [2, 2], "k": [1, 2]}, "engine": "lm", "sampler": "auto", "count": "identifiable", "count_sigma2": false, "trials": null, "minutes": null, "patience": null, "seed": 0, "test_fraction": 0.2, "workers": 1, "options": {"starts": null, "time_limit": null, "early_stopping": true, "smoothing": 1000.0}, "starts_fill": false}');
INSERT INTO study_user_attributes VALUES(15,2,'desired','"run"');
INSERT INTO study_user_attributes VALUES(16,2,'state','{"name": "finished", "detail": "All 4 trials are done.", "elapsed": 3.2067642090005393, "heartbeat": 1795751876.756848, "host": "elsewhere", "pid": 15754, "started": "494772"}');
CREATE TABLE study_system_attributes (
	study_system_attribute_id INTEGER NOT NULL, 
	study_id INTEGER, 
	"key" VARCHAR(512), 
	value_json TEXT, 
	PRIMARY KEY (study_system_attribute_id), 
	UNIQUE (study_id, "key"), 
	FOREIGN KEY(study_id) REFERENCES studies (study_id)
);
INSERT INTO study_system_attributes VALUES(1,1,'study:metric_names','["AICc"]');
INSERT INTO study_system_attributes VALUES(2,2,'study:metric_names','["AICc"]');
CREATE TABLE trials (
	trial_id INTEGER NOT NULL, 
	number INTEGER, 
	study_id INTEGER, 
	state VARCHAR(8) NOT NULL, 
	datetime_start DATETIME, 
	datetime_complete DATETIME, 
	PRIMARY KEY (trial_id), 
	FOREIGN KEY(study_id) REFERENCES studies (study_id)
);
INSERT INTO trials VALUES(1,0,1,'COMPLETE','2026-11-27 03:57:04.845133','2026-11-27 03:57:05.320576');
INSERT INTO trials VALUES(2,1,1,'COMPLETE','2026-11-27 03:57:05.446170','2026-11-27 03:57:05.670402');
INSERT INTO trials VALUES(3,2,1,'COMPLETE','2026-11-27 03:57:05.711003','2026-11-27 03:57:05.954248');
INSERT INTO trials VALUES(4,3,1,'COMPLETE','2026-11-27 03:57:05.987971','2026-11-27 03:57:06.281622');
INSERT INTO trials VALUES(5,0,2,'COMPLETE','2026-11-27 03:57:53.652696','2026-11-27 03:57:54.804729');
INSERT INTO trials VALUES(6,1,2,'COMPLETE','2026-11-27 03:57:54.923584','2026-11-27 03:57:55.516044');
INSERT INTO trials VALUES(7,2,2,'COMPLETE','2026-11-27 03:57:55.590105','2026-11-27 03:57:55.992508');
INSERT INTO trials VALUES(8,3,2,'COMPLETE','2026-11-27 03:57:56.057491','2026-11-27 03:57:56.670225');
CREATE TABLE trial_user_attributes (
	trial_user_attribute_id INTEGER NOT NULL, 
	trial_id INTEGER, 
	"key" VARCHAR(512), 
	value_json TEXT, 
	PRIMARY KEY (trial_user_attribute_id), 
	UNIQUE (trial_id, "key"), 
	FOREIGN KEY(trial_id) REFERENCES trials (trial_id)
);
INSERT INTO trial_user_attributes VALUES(1,1,'n_params','23');
INSERT INTO trial_user_attributes VALUES(2,1,'rss_train','0.8919474494701187');
INSERT INTO trial_user_attributes VALUES(3,1,'rss_test','0.43553772525790846');
INSERT INTO trial_user_attributes VALUES(4,1,'aicc','-247.15302098186794');
INSERT INTO trial_user_attributes VALUES(5,1,'fit','{"status": "converged", "seconds": 0.1712, "iterations": 15, "curve": [1.12869, 0.975344, 0.982533, 0.89646, 0.891814, 0.891761, 0.89199, 0.891946, 0.891954, 0.891951, 0.891947, 0.891948, 0.891947, 0.891947, 0.891947, 0.891947]}');
INSERT INTO trial_user_attributes VALUES(6,2,'n_params','44');
INSERT INTO trial_user_attributes VALUES(7,2,'rss_train','0.41182340612049007');
INSERT INTO trial_user_attributes VALUES(8,2,'rss_test','0.40558730717761726');
INSERT INTO trial_user_attributes VALUES(9,2,'aicc','-137.12886051817642');
INSERT INTO trial_user_attributes VALUES(10,2,'fit','{"status": "iteration limit", "seconds": 0.3739, "iterations": 24, "curve": [0.740639, 0.729629, 0.691905, 0.691577, 0.888534, 0.668623, 0.655319, 0.637433, 0.63802, 0.636876, 0.633008, 0.627178, 0.614921, 0.601112, 0.579621, 0.554649, 0.525589, 0.492506, 0.476224, 0.446653, 0.437, 0.43079, 0.426685, 0.420789, 0.411823]}');
INSERT INTO trial_user_attributes VALUES(11,3,'n_params','28');
INSERT INTO trial_user_attributes VALUES(12,3,'rss_train','0.7396962805574075');
INSERT INTO trial_user_attributes VALUES(13,3,'rss_test','0.45719115159021495');
INSERT INTO trial_user_attributes VALUES(14,3,'aicc','-235.8616425360438');
INSERT INTO trial_user_attributes VALUES(15,3,'fit','{"status": "converged", "seconds": 0.1425, "iterations": 15, "curve": [0.679693, 0.721853, 0.722657, 0.732236, 0.740503, 0.740698, 0.739708, 0.739692, 0.739694, 0.739696, 0.739696, 0.739696, 0.739696, 0.739696, 0.739696, 0.739696]}');
INSERT INTO trial_user_attributes VALUES(16,4,'n_params','54');
INSERT INTO trial_user_attributes VALUES(17,4,'rss_train','0.4170035265237318');
INSERT INTO trial_user_attributes VALUES(18,4,'rss_test','0.5188037273408659');
INSERT INTO trial_user_attributes VALUES(19,4,'aicc','86.51624091313545');
INSERT INTO trial_user_attributes VALUES(20,4,'fit','{"status": "iteration limit", "seconds": 0.3407, "iterations": 24, "curve": [0.441654, 0.440331, 0.415296, 0.411124, 0.485492, 0.521096, 0.459521, 0.472228, 0.472068, 0.449235, 0.443359, 0.43621, 0.425737, 0.42885, 0.41923, 0.419932, 0.417688, 0.41826, 0.417495, 0.417215, 0.417257, 0.416965, 0.417108, 0.416906, 0.417004]}');
INSERT INTO trial_user_attributes VALUES(21,5,'n_params','11');
INSERT INTO trial_user_attributes VALUES(22,5,'rss_train','5.216259658326987');
INSERT INTO trial_user_attributes VALUES(23,5,'rss_test','0.5795054614283349');
INSERT INTO trial_user_attributes VALUES(24,5,'aicc','62.51703199784088');
INSERT INTO trial_user_attributes VALUES(25,5,'fit','{"status": "converged", "seconds": 0.289, "iterations": 19, "curve": [37.0558, 38.6833, 42.869, 43.5224, 43.5656, 43.5654, 38.9421, 36.7291, 36.186, 36.0805, 36.0804, 36.0932, 36.1085, 36.1156, 36.1178, 36.1181, 36.1179, 36.1176, 36.1173, 36.117], "classes": [36.11703199784088, 0.25081272220722833, 0.14449421792565856, 0.07244805081009703, 0.03219474785712972, 0.9166666666666666, 1.0, 0.94375, 1.0]}');
INSERT INTO trial_user_attributes VALUES(26,6,'n_params','21');
INSERT INTO trial_user_attributes VALUES(27,6,'rss_train','4.214679824170769');
INSERT INTO trial_user_attributes VALUES(28,6,'rss_test','0.43081809349163075');
INSERT INTO trial_user_attributes VALUES(29,6,'aicc','88.5353587920173');
INSERT INTO trial_user_attributes VALUES(30,6,'fit','{"status": "iteration limit", "seconds": 0.6918, "iterations": 22, "curve": [32.2231, 32.1761, 31.9071, 30.4857, 29.9904, 29.6389, 29.3084, 29.0171, 28.8174, 28.4617, 28.1355, 28.2754, 28.2574, 28.0853, 28.0931, 28.0757, 28.0729, 28.0595, 28.0536, 28.0532, 28.054, 28.0545, 28.0554], "classes": [28.055358792017305, 0.19482888050012018, 0.11913425908277502, 0.0585372197801496, 0.023934338527312818, 0.9166666666666666, 1.0, 0.9765625, 1.0]}');
INSERT INTO trial_user_attributes VALUES(31,7,'n_params','14');
INSERT INTO trial_user_attributes VALUES(32,7,'rss_train','5.163063339452766');
INSERT INTO trial_user_attributes VALUES(33,7,'rss_test','0.5910310839366195');
INSERT INTO trial_user_attributes VALUES(34,7,'aicc','71.15809898483649');
INSERT INTO trial_user_attributes VALUES(35,7,'fit','{"status": "converged", "seconds": 0.2747, "iterations": 19, "curve": [29.6041, 35.2766, 33.2521, 38.3258, 44.9633, 45.3276, 45.3424, 45.2862, 38.8291, 37.5487, 36.5122, 35.8517, 35.8358, 35.8053, 35.8061, 35.801, 35.8007, 35.7985, 35.7949, 35.7897], "classes": [35.78967793220491, 0.24853943008475632, 0.14454927481999869, 0.07170921304795508, 0.032835060218701084, 0.9166666666666666, 1.0, 0.94609375, 1.0]}');
INSERT INTO trial_user_attributes VALUES(36,8,'n_params','27');
INSERT INTO trial_user_attributes VALUES(37,8,'rss_train','3.529283802596418');
INSERT INTO trial_user_attributes VALUES(38,8,'rss_test','0.34132662674787634');
INSERT INTO trial_user_attributes VALUES(39,8,'aicc','111.98941973799054');
INSERT INTO trial_user_attributes VALUES(40,8,'fit','{"status": "iteration limit", "seconds": 0.6699, "iterations": 22, "curve": [30.4019, 31.6334, 31.83, 42.6815, 45.0442, 37.8843, 32.0337, 32.2373, 29.1488, 28.371, 27.9327, 24.7181, 24.0936, 23.6564, 23.6314, 23.6229, 23.6273, 23.6247, 23.6262, 23.6254, 23.6259, 23.6256, 23.6258], "classes": [23.625783374354175, 0.16406794009968176, 0.09853235747874153, 0.049017830591604535, 0.01896259037488202, 0.9305555555555556, 1.0, 0.9828125, 1.0]}');
CREATE TABLE trial_system_attributes (
	trial_system_attribute_id INTEGER NOT NULL, 
	trial_id INTEGER, 
	"key" VARCHAR(512), 
	value_json TEXT, 
	PRIMARY KEY (trial_system_attribute_id), 
	UNIQUE (trial_id, "key"), 
	FOREIGN KEY(trial_id) REFERENCES trials (trial_id)
);
INSERT INTO trial_system_attributes VALUES(1,1,'constraints','[-47.0]');
INSERT INTO trial_system_attributes VALUES(2,2,'constraints','[-26.0]');
INSERT INTO trial_system_attributes VALUES(3,3,'constraints','[-42.0]');
INSERT INTO trial_system_attributes VALUES(4,4,'constraints','[-16.0]');
INSERT INTO trial_system_attributes VALUES(5,5,'constraints','[-59.0]');
INSERT INTO trial_system_attributes VALUES(6,6,'constraints','[-49.0]');
INSERT INTO trial_system_attributes VALUES(7,7,'constraints','[-56.0]');
INSERT INTO trial_system_attributes VALUES(8,8,'constraints','[-43.0]');
CREATE TABLE trial_params (
	param_id INTEGER NOT NULL, 
	trial_id INTEGER, 
	param_name VARCHAR(512), 
	param_value FLOAT, 
	distribution_json TEXT, 
	PRIMARY KEY (param_id), 
	UNIQUE (trial_id, param_name), 
	FOREIGN KEY(trial_id) REFERENCES trials (trial_id)
);
INSERT INTO trial_params VALUES(1,1,'neuron_num',1.0,'{"name": "IntDistribution", "attributes": {"log": false, "step": 1, "low": 1, "high": 2}}');
INSERT INTO trial_params VALUES(2,1,'grid',2.0,'{"name": "IntDistribution", "attributes": {"log": false, "step": 1, "low": 2, "high": 3}}');
INSERT INTO trial_params VALUES(3,1,'k',2.0,'{"name": "IntDistribution", "attributes": {"log": false, "step": 1, "low": 2, "high": 2}}');
INSERT INTO trial_params VALUES(4,2,'neuron_num',2.0,'{"name": "IntDistribution", "attributes": {"log": false, "step": 1, "low": 1, "high": 2}}');
INSERT INTO trial_params VALUES(5,2,'grid',2.0,'{"name": "IntDistribution", "attributes": {"log": false, "step": 1, "low": 2, "high": 3}}');
INSERT INTO trial_params VALUES(6,2,'k',2.0,'{"name": "IntDistribution", "attributes": {"log": false, "step": 1, "low": 2, "high": 2}}');
INSERT INTO trial_params VALUES(7,3,'neuron_num',1.0,'{"name": "IntDistribution", "attributes": {"log": false, "step": 1, "low": 1, "high": 2}}');
INSERT INTO trial_params VALUES(8,3,'grid',3.0,'{"name": "IntDistribution", "attributes": {"log": false, "step": 1, "low": 2, "high": 3}}');
INSERT INTO trial_params VALUES(9,3,'k',2.0,'{"name": "IntDistribution", "attributes": {"log": false, "step": 1, "low": 2, "high": 2}}');
INSERT INTO trial_params VALUES(10,4,'neuron_num',2.0,'{"name": "IntDistribution", "attributes": {"log": false, "step": 1, "low": 1, "high": 2}}');
INSERT INTO trial_params VALUES(11,4,'grid',3.0,'{"name": "IntDistribution", "attributes": {"log": false, "step": 1, "low": 2, "high": 3}}');
INSERT INTO trial_params VALUES(12,4,'k',2.0,'{"name": "IntDistribution", "attributes": {"log": false, "step": 1, "low": 2, "high": 2}}');
INSERT INTO trial_params VALUES(13,5,'neuron_num',1.0,'{"name": "IntDistribution", "attributes": {"log": false, "step": 1, "low": 1, "high": 2}}');
INSERT INTO trial_params VALUES(14,5,'grid',2.0,'{"name": "IntDistribution", "attributes": {"log": false, "step": 1, "low": 2, "high": 2}}');
INSERT INTO trial_params VALUES(15,5,'k',1.0,'{"name": "IntDistribution", "attributes": {"log": false, "step": 1, "low": 1, "high": 2}}');
INSERT INTO trial_params VALUES(16,6,'neuron_num',2.0,'{"name": "IntDistribution", "attributes": {"log": false, "step": 1, "low": 1, "high": 2}}');
INSERT INTO trial_params VALUES(17,6,'grid',2.0,'{"name": "IntDistribution", "attributes": {"log": false, "step": 1, "low": 2, "high": 2}}');
INSERT INTO trial_params VALUES(18,6,'k',1.0,'{"name": "IntDistribution", "attributes": {"log": false, "step": 1, "low": 1, "high": 2}}');
INSERT INTO trial_params VALUES(19,7,'neuron_num',1.0,'{"name": "IntDistribution", "attributes": {"log": false, "step": 1, "low": 1, "high": 2}}');
INSERT INTO trial_params VALUES(20,7,'grid',2.0,'{"name": "IntDistribution", "attributes": {"log": false, "step": 1, "low": 2, "high": 2}}');
INSERT INTO trial_params VALUES(21,7,'k',2.0,'{"name": "IntDistribution", "attributes": {"log": false, "step": 1, "low": 1, "high": 2}}');
INSERT INTO trial_params VALUES(22,8,'neuron_num',2.0,'{"name": "IntDistribution", "attributes": {"log": false, "step": 1, "low": 1, "high": 2}}');
INSERT INTO trial_params VALUES(23,8,'grid',2.0,'{"name": "IntDistribution", "attributes": {"log": false, "step": 1, "low": 2, "high": 2}}');
INSERT INTO trial_params VALUES(24,8,'k',2.0,'{"name": "IntDistribution", "attributes": {"log": false, "step": 1, "low": 1, "high": 2}}');
CREATE TABLE trial_values (
	trial_value_id INTEGER NOT NULL, 
	trial_id INTEGER NOT NULL, 
	objective INTEGER NOT NULL, 
	value FLOAT, 
	value_type VARCHAR(7) NOT NULL, 
	PRIMARY KEY (trial_value_id), 
	UNIQUE (trial_id, objective), 
	FOREIGN KEY(trial_id) REFERENCES trials (trial_id)
);
INSERT INTO trial_values VALUES(1,1,0,-247.15302098186793956,'FINITE');
INSERT INTO trial_values VALUES(2,2,0,-137.12886051817642396,'FINITE');
INSERT INTO trial_values VALUES(3,3,0,-235.86164253604380292,'FINITE');
INSERT INTO trial_values VALUES(4,4,0,86.51624091313544795,'FINITE');
INSERT INTO trial_values VALUES(5,5,0,62.517031997840881276,'FINITE');
INSERT INTO trial_values VALUES(6,6,0,88.535358792017305514,'FINITE');
INSERT INTO trial_values VALUES(7,7,0,71.158098984836485102,'FINITE');
INSERT INTO trial_values VALUES(8,8,0,111.98941973799054494,'FINITE');
CREATE TABLE trial_intermediate_values (
	trial_intermediate_value_id INTEGER NOT NULL, 
	trial_id INTEGER NOT NULL, 
	step INTEGER NOT NULL, 
	intermediate_value FLOAT, 
	intermediate_value_type VARCHAR(7) NOT NULL, 
	PRIMARY KEY (trial_intermediate_value_id), 
	UNIQUE (trial_id, step), 
	FOREIGN KEY(trial_id) REFERENCES trials (trial_id)
);
CREATE TABLE trial_heartbeats (
	trial_heartbeat_id INTEGER NOT NULL, 
	trial_id INTEGER NOT NULL, 
	heartbeat DATETIME NOT NULL, 
	PRIMARY KEY (trial_heartbeat_id), 
	UNIQUE (trial_id), 
	FOREIGN KEY(trial_id) REFERENCES trials (trial_id)
);
CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO alembic_version VALUES('v3.2.0.a');
CREATE TABLE kanlab_blob (
	id VARCHAR(64) NOT NULL, 
	content BLOB NOT NULL, 
	PRIMARY KEY (id)
);
CREATE TABLE kanlab_lease (
	study_id INTEGER NOT NULL, 
	owner VARCHAR(300) NOT NULL, 
	beat BIGINT NOT NULL, 
	PRIMARY KEY (study_id)
);
CREATE TABLE kanlab_mail (
	id INTEGER NOT NULL, 
	slot VARCHAR(300) NOT NULL, 
	to_slot INTEGER NOT NULL, 
	content TEXT NOT NULL, 
	PRIMARY KEY (id)
);
CREATE TABLE kanlab_slot (
	slot VARCHAR(300) NOT NULL, 
	study_id INTEGER NOT NULL, 
	beat BIGINT NOT NULL, 
	PRIMARY KEY (slot)
);
CREATE UNIQUE INDEX ix_studies_study_name ON studies (study_name);
CREATE INDEX ix_trials_study_id ON trials (study_id);
CREATE INDEX ix_kanlab_mail_slot ON kanlab_mail (slot);
CREATE INDEX ix_kanlab_slot_study_id ON kanlab_slot (study_id);
COMMIT;
