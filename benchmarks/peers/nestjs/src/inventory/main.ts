import { runService } from '../common/service';
import { AppModule } from './app.module';

void runService(AppModule);
